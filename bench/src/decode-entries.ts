// How fast a client takes entries off the wire: chunks as a socket delivers them, each entry looked at. The baseline
// is the same walk over bytes that lie in memory as a whole, without framing.
import { encodeEntry, entriesOf, entryLengthAt, entryNumberAt, FrameDecoder, serverPackets } from '@ds/codec';
import { Corpus, ratePerSecond } from './benchmark.js';
import type { Benchmark, Figure } from './benchmark.js';

const CHUNK_BYTES = 64 * 1024;

export const decodeEntries: Benchmark = {
  name: 'decode-entries',
  run(options) {
    const entryCount = options.smoke ? 100 : 20_000;
    return [64, 256, 4096].flatMap((dataBytes): Figure[] => {
      const wire = entriesOnTheWire(entryCount, dataBytes, options.seed);
      const rateOf = (read: (wire: Uint8Array) => number): number =>
        ratePerSecond(
          () => {
            checkCount(read(wire), entryCount);
          },
          entryCount,
          options,
        );
      const decoded = rateOf(decode);
      const what = `decode entries with ${dataBytes} B of data`;
      return [
        { what, value: decoded / 1e6, unit: 'M/s', ratio: decoded / rateOf(walk) },
        { what, value: (decoded * (wire.length / entryCount)) / 1e6, unit: 'MB/s' },
      ];
    });
  },
};

function entriesOnTheWire(count: number, dataBytes: number, seed: number): Uint8Array {
  const corpus = new Corpus(seed);
  const data = corpus.bytes(dataBytes);
  const entries = Array.from({ length: count }, (_, number) =>
    encodeEntry({ type: 1 + (corpus.u32() % 6), number: BigInt(number), data }),
  );
  return Buffer.concat(entries);
}

function walk(wire: Uint8Array): number {
  let next = 0;
  for (let at = 0; at < wire.length; at += entryLengthAt(wire, at)) {
    if (entryNumberAt(wire, at) === next) next++;
  }
  return next;
}

function decode(wire: Uint8Array): number {
  const decoder = new FrameDecoder(serverPackets);
  let next = 0n;
  for (let at = 0; at < wire.length; at += CHUNK_BYTES) {
    decoder.push(wire.subarray(at, at + CHUNK_BYTES));
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
      if (packet.kind !== 'entries') continue;
      for (const entry of entriesOf(packet.batch)) {
        if (entry.number === next) next++;
      }
    }
  }
  return Number(next);
}

function checkCount(count: number, expected: number): void {
  if (count !== expected) throw new Error(`decoded ${count} entries in order, expected ${expected}`);
}
