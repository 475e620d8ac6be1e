/**
 * A consumer that follows with `@ds/client`, from any of the servers. Its program is killed now and then, and the next one
 * goes on from the position that was kept. Told that the stream was cut, it gives up what has gone and goes on from there.
 */
import {
  ClientError,
  formatPosition,
  parsePosition,
  positionAfter,
  StreamClient,
  type Following,
  type StreamPosition,
} from '@ds/client';
import { encodeEntry, type Entry, type EntryBatch } from '@ds/codec';

import { StreamCopy } from './stream-copy.js';
import type { World } from './world.js';

/** More than the network delivers at once. */
const BUFFER_BYTES = 2048;

export class Consumer {
  readonly #world: World;
  /** What was processed, in this life of the program. */
  #processed: StreamCopy;
  /** What was kept last: a position, and what was processed up to there. */
  #kept: { readonly position: string | undefined; readonly processed: StreamCopy };
  /** The entry that was processed last, if it must still be what it was. */
  #last: Entry | undefined;
  #client: StreamClient | undefined;

  constructor(world: World) {
    this.#world = world;
    this.#processed = new StreamCopy(world.check.tree.root);
    this.#kept = { position: undefined, processed: this.#processed.copy() };
    void this.#run();
  }

  /** Whether it has processed the whole stream. */
  get isDone(): boolean {
    return this.#processed.last === this.#world.check.end;
  }

  close(): void {
    void this.#client?.close();
  }

  async #run(): Promise<void> {
    const world = this.#world;
    while (!world.isOver) {
      const client = this.#makeClient();
      this.#client = client;
      if (!world.isCalm && world.random.chance(0.5)) {
        void world.pass(world.random.integer(0, 3_000)).then(() => client.close());
      }
      this.#processed = this.#kept.processed.copy();
      this.#last = undefined;
      try {
        await this.#follow(client);
        world.check.failed(new Error('following has ended by itself'));
      } catch (error) {
        if (!(error instanceof ClientError && this.#canGoOn(error))) world.check.failed(error);
      }
      await client.close();
      await world.pass(world.random.integer(0, 500));
    }
  }

  async #follow(client: StreamClient): Promise<void> {
    const { random } = this.#world;
    const { position } = this.#kept;
    const from = position === undefined ? 0n : parsePosition(position);
    if (random.chance(0.5)) {
      const entries = client.follow({ from });
      for await (const entry of entries) {
        await this.#process(entry, true);
        if (random.chance(0.2)) this.#keep(entries);
      }
    } else {
      const reuseBuffer = random.chance(0.5);
      const batches = client.followBatches({ from, reuseBuffer });
      for await (const batch of batches) {
        for (const entry of batch) await this.#process(entry, !reuseBuffer);
        if (random.chance(0.5)) this.#keep(batches);
      }
    }
  }

  /** `stays`: whether the entry's data must stay what they are. */
  async #process(entry: Entry, stays: boolean): Promise<void> {
    const { check, random } = this.#world;
    const last = this.#last;
    if (last && Buffer.compare(encodeEntry(last), this.#processed.lastBytes) !== 0)
      check.failed(new Error(`the data of entry ${last.number} have changed since a consumer got it`));
    const bytes = encodeEntry(entry);
    if (random.chance(0.05)) await this.#world.pass(random.integer(0, 300));
    check.received(this.#processed.take(bytes));
    this.#last = stays ? entry : undefined;
  }

  #keep({ position }: Following<Entry> | Following<EntryBatch>): void {
    this.#keepAt(position);
  }

  #keepAt(position: StreamPosition | undefined): void {
    if (position?.nextEntry !== BigInt(this.#processed.length)) {
      this.#world.check.failed(
        new Error(`the position behind entry ${this.#processed.last.number} is ${position?.nextEntry}`),
      );
    }
    this.#kept = { position: position && formatPosition(position), processed: this.#processed.copy() };
  }

  /** Whether following can go on after this: it was closed, or the stream was cut, and what is left of it is known. */
  #canGoOn({ code, totalEntries }: ClientError): boolean {
    const processed = this.#processed;
    if (code === 'closed') return true;
    if ((code !== 'beyond-end' && code !== 'wrong-stream') || totalEntries === undefined) return false;
    if (code === 'beyond-end' && totalEntries >= BigInt(processed.length)) return false;
    this.#world.check.toldOfCut(processed, code === 'wrong-stream' && processed.last.isUpdated);
    // The stream can have grown again behind the cut, so what is left of it may still not be all the same.
    const left =
      code === 'beyond-end' ? Number(totalEntries) : processed.length - 1 - this.#world.random.integer(0, 3);
    processed.cutTo(Math.max(0, left));
    const isEmpty = processed.length === 0;
    if (isEmpty) this.#kept = { position: undefined, processed: processed.copy() };
    else this.#keepAt(positionAfter(this.#world.identity, processed.lastBytes));
    return true;
  }

  #makeClient(): StreamClient {
    const { network, random, servers } = this.#world;
    const addresses = servers.map(({ clients }) => clients);
    return new StreamClient({
      server: random.chance(0.5) ? addresses : addresses.toReversed(),
      retry: { attemptsMax: Number.POSITIVE_INFINITY, firstMs: 10, longestMs: 2_000 },
      connectMs: 3_000,
      answerMs: random.pick([2_000, 10_000]),
      silenceMs: random.pick([0, 15_000]),
      dial: (address, { connected, received }) => {
        // As TCP is read into one buffer: what was not taken before the next read is overwritten.
        const buffer = new Uint8Array(BUFFER_BYTES);
        return network
          .connect(address, '10.0.9.8')
          .setKeepAlive(true, 5_000)
          .once('connect', connected)
          .on('data', (chunk: Uint8Array) => {
            buffer.fill(0xee).set(chunk);
            received(buffer.subarray(0, chunk.length));
          });
      },
    });
  }
}
