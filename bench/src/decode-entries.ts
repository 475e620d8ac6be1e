// How fast a client takes entries off the wire: chunks as a socket delivers them, through the decoder, and what is done
// with the batches that come out. The baseline is a walk from entry to entry over the same bytes, as a whole.
import { encodeEntry, FrameDecoder, serverPackets, type EntryBatch } from '@ds/codec';
import { Corpus, ratePerSecond } from './benchmark.js';
import type { Benchmark, Figure } from './benchmark.js';

const CHUNK_BYTES = 256 * 1024;
const HEAD_BYTES = 17;

/** What can be done with a batch. Each gives how many entries it has seen. */
const uses: readonly (readonly [string, (batch: EntryBatch) => number])[] = [
  ['batches', ({ count }) => count],
  ['views', countViews],
  ['types', countTypes],
  ['entries', countEntries],
  ['copies', (batch) => countViews(batch.copy())],
];

export const decodeEntries: Benchmark = {
  name: 'decode-entries',
  run(options) {
    const entryCount = options.smoke ? 100 : 50_000;
    return [128, 1024].flatMap((entryBytes) => {
      const wire = entriesOnTheWire(entryCount, entryBytes, options.seed);
      const rateOf = (read: (wire: Uint8Array) => number): number =>
        ratePerSecond(
          () => {
            checkCount(read(wire), entryCount);
          },
          entryCount,
          options,
        );
      const bare = rateOf(walk);
      return [
        { what: `walk from entry to entry, ${entryBytes} B each`, value: bare / 1e6, unit: 'M/s' },
        ...uses.map(([name, use]): Figure => {
          const rate = rateOf((bytes) => decode(bytes, use));
          return { what: `  decode as ${name}`, value: rate / 1e6, unit: 'M/s', ratio: rate / bare };
        }),
      ];
    });
  },
};

function entriesOnTheWire(count: number, entryBytes: number, seed: number): Uint8Array {
  const corpus = new Corpus(seed);
  const data = corpus.bytes(entryBytes - HEAD_BYTES);
  const entries = Array.from({ length: count }, (_, number) =>
    encodeEntry({ type: 1 + (corpus.u32() % 6), number: BigInt(number), data }),
  );
  return Buffer.concat(entries);
}

function walk(wire: Uint8Array): number {
  const view = new DataView(wire.buffer, wire.byteOffset, wire.length);
  let count = 0;
  for (let at = 0; at < wire.length; at += view.getUint32(at + 1)) count++;
  return count;
}

function decode(wire: Uint8Array, use: (batch: EntryBatch) => number): number {
  const decoder = new FrameDecoder(serverPackets);
  let count = 0;
  for (let at = 0; at < wire.length; at += CHUNK_BYTES) {
    decoder.push(wire.subarray(at, at + CHUNK_BYTES));
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
      if (packet.kind === 'entries') count += use(packet.batch);
    }
  }
  return count;
}

function countViews(batch: EntryBatch): number {
  let seen = 0;
  for (let index = 0; index < batch.count; index++) if (batch.data(index).length > 0) seen++;
  return seen;
}

function countTypes(batch: EntryBatch): number {
  let seen = 0;
  for (let index = 0; index < batch.count; index++) if (batch.type(index) > 0) seen++;
  return seen;
}

function countEntries(batch: EntryBatch): number {
  let next = batch.firstEntry;
  for (const { number } of batch) if (number === next) next++;
  return Number(next - batch.firstEntry);
}

function checkCount(count: number, expected: number): void {
  if (count !== expected) throw new Error(`decoded ${count} entries in order, expected ${expected}`);
}
