/**
 * A consumer that follows with `@ds/client`, from any of the servers, and holds every entry against the expected stream. Its
 * program is killed now and then, and the next one goes on from the position that was kept.
 */
import { ClientError, formatPosition, parsePosition, StreamClient } from '@ds/client';
import { encodeEntry, type Entry } from '@ds/codec';

import type { World } from './world.js';

/** More than the network delivers at once. */
const BUFFER_BYTES = 2048;

export class Consumer {
  readonly #world: World;
  #position: string | undefined;
  /** Where the entries stand in the stream that are due, in this life of the program. */
  #nextEntry = 0n;
  #nextByte = 0;
  /** The same for those that the kept position is behind. */
  #keptEntry = 0n;
  #keptByte = 0;
  #client: StreamClient | undefined;

  constructor(world: World) {
    this.#world = world;
    void this.#run();
  }

  /** Whether it has processed the whole stream. */
  get isDone(): boolean {
    return this.#nextByte === this.#world.expected.bytes.length;
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
      this.#nextEntry = this.#keptEntry;
      this.#nextByte = this.#keptByte;
      try {
        await this.#follow(client);
        world.check.failed(new Error('following has ended by itself'));
      } catch (error) {
        if (!(error instanceof ClientError && error.code === 'closed')) world.check.failed(error);
      }
      await world.pass(world.random.integer(0, 500));
    }
  }

  async #follow(client: StreamClient): Promise<void> {
    const { random } = this.#world;
    const from = this.#position === undefined ? 0n : parsePosition(this.#position);
    if (random.chance(0.5)) {
      const entries = client.follow({ from });
      for await (const entry of entries) {
        await this.#process(entry);
        if (random.chance(0.2)) this.#keep(entries.position && formatPosition(entries.position));
      }
    } else {
      const batches = client.followBatches({ from, reuseBuffer: random.chance(0.5) });
      for await (const batch of batches) {
        for (const entry of batch) await this.#process(entry);
        if (random.chance(0.5)) this.#keep(batches.position && formatPosition(batches.position));
      }
    }
  }

  async #process(entry: Entry): Promise<void> {
    const { expected, check, random } = this.#world;
    if (random.chance(0.05)) await this.#world.pass(random.integer(0, 300));
    const bytes = encodeEntry(entry);
    const due = expected.bytes.subarray(this.#nextByte, this.#nextByte + bytes.length);
    if (entry.number !== this.#nextEntry || Buffer.compare(bytes, due) !== 0) {
      check.failed(
        new Error(`a consumer got entry ${entry.number} where ${this.#nextEntry} was due, or other bytes`),
      );
    }
    this.#nextEntry++;
    this.#nextByte += bytes.length;
  }

  #keep(position: string | undefined): void {
    this.#position = position;
    this.#keptEntry = this.#nextEntry;
    this.#keptByte = this.#nextByte;
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
