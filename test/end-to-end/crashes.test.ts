// Goal: whatever is killed, whenever, nothing that was acknowledged is lost, nothing is there twice, and every file of the
// chain ends up with the same stream. Method: a source feeds operations without a break, a client follows through both relays,
// and meanwhile one program after the other is killed and started again.
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, it } from 'vitest';
import { temporaryFolder } from '@ds/app-kit/testing';
import { StreamClient } from '@ds/client';
import { StreamSource } from '@ds/source';
import { StreamFile } from '@ds/stream-file';

import { effort, Random, seed } from '@ds/test-kit';
import { Chain, places, startApp } from './support/chain.js';

const kills = 8 * effort;

/** Entries of operation `number`: their data say which of how many they are. */
function operation(random: Random, number: number): string[] {
  const entries = random.integer(1, 6);
  const padding = random.chance(0.1) ? '.'.repeat(random.integer(0, 100_000)) : '';
  return Array.from({ length: entries }, (_none, at) => `${number}: ${at + 1} of ${entries}${padding}`);
}

it(
  `keeps what is acknowledged, once and in order, while programs are killed (seed ${seed})`,
  async () => {
    await using folder = await temporaryFolder();
    await using chain = await Chain.in(folder);
    await chain.start(...places);
    await using client = startApp('client', [
      ...['--server', chain.address('relay2'), '--format', 'raw', '--log-level', 'silent'],
      ...['follow', '--retries', 'forever', '--retry-wait', '200ms'],
    ]);
    await using feeding = await Feeding.start(chain.sourceAddress);
    const random = new Random();
    for (let count = 0; count < kills; count++) {
      const victims = places.filter(() => random.chance(0.4));
      await sleep(random.integer(50, 500));
      await chain.stop('SIGKILL', ...victims);
      await sleep(random.integer(0, 300));
      await chain.start(...victims);
    }
    const sent = await feeding.end();
    expect(sent.length).toBeGreaterThan(kills);

    await using server = new StreamClient({ server: chain.address('server') });
    await using relay = new StreamClient({ server: chain.address('relay2') });
    const { totalEntries } = await server.header();
    while ((await relay.header()).totalEntries < totalEntries) await sleep(20);
    const { bytes, texts } = await readStream(chain.address('server'), totalEntries);
    expect(texts).toEqual(sent);
    while (client.outBytes().length < bytes.length) await sleep(20);
    expect(await client.stop('SIGTERM')).toMatchObject({ status: 0 });
    expect(bytes.equals(client.outBytes())).toBe(true);

    for (const program of await chain.stop('SIGTERM', ...places)) expect(program.status).toBe(0);
    for (const place of places) expect((await bytesIn(chain.path(place))).equals(bytes)).toBe(true);
  },
  60_000 * effort,
);

/** Sends operation after operation, many under way at a time, until it is told to end. */
class Feeding implements AsyncDisposable {
  readonly #source: StreamSource;
  readonly #sent: string[] = [];
  readonly #fed: Promise<void>;
  #ending = false;

  private constructor(source: StreamSource) {
    this.#source = source;
    this.#fed = this.#feed();
    this.#fed.catch(() => undefined);
  }

  static async start(server: string): Promise<Feeding> {
    const retry = { firstMs: 20, longestMs: 200 };
    return new Feeding(await StreamSource.open({ servers: [server], systemId: 1n, retry }));
  }

  /** What was sent, one text an entry; all of it is acknowledged by then, under the numbers that it was sent with. */
  async end(): Promise<string[]> {
    this.#ending = true;
    await this.#fed;
    return this.#sent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    await this.#source.abort();
    await this.#fed.catch(() => undefined);
  }

  async #feed(): Promise<void> {
    const random = new Random(seed + 1);
    const acknowledged: Promise<unknown>[] = [];
    for (let number = 0; !this.#ending; number++) {
      const atomicOp = await this.#source.startAtomicOp();
      const texts = operation(random, number);
      for (const text of texts) atomicOp.addEntry(1, Buffer.from(text));
      const firstEntry = BigInt(this.#sent.length);
      const committed = atomicOp.commit().then((commit) => {
        expect(commit.firstEntry).toBe(firstEntry);
      });
      committed.catch(() => undefined);
      acknowledged.push(committed);
      this.#sent.push(...texts);
      await sleep(random.integer(0, 8));
    }
    await Promise.all(acknowledged);
  }
}

async function readStream(server: string, count: bigint): Promise<{ bytes: Buffer; texts: string[] }> {
  await using client = new StreamClient({ server });
  const chunks: Uint8Array[] = [];
  for await (const { bytes } of client.followBatches({ count })) chunks.push(bytes);
  const texts: string[] = [];
  for await (const { data } of client.follow({ count })) texts.push(Buffer.from(data).toString());
  return { bytes: Buffer.concat(chunks), texts };
}

async function bytesIn(path: string): Promise<Buffer> {
  await using file = await StreamFile.open(path);
  const chunks: Uint8Array[] = [];
  let offset = 4096;
  for (let chunk = await file.read(offset, 1 << 20); chunk; chunk = await file.read(offset, 1 << 20)) {
    chunks.push(chunk.bytes);
    offset = chunk.nextOffset;
  }
  return Buffer.concat(chunks);
}
