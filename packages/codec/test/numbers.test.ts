// Goal: every value of a field survives, up to its edges, and a value that does not fit is refused, not wrapped.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clientCommands,
  decodeHeader,
  encodeCommand,
  encodeEntry,
  encodeHeader,
  encodeSourceMessage,
  entryBatch,
  entryAt,
  entryNumberAt,
  readU32,
  readU64,
  readU64AsNumber,
  serverPackets,
  writeU32,
  writeU64,
  writeU64Number,
} from '../src/index.js';
import { goldenHeader, hex } from './golden.js';
import { concat, decode, unbatched } from './support/decoding.js';
import { u64 } from './support/frames.js';

const edges = [
  { value: 0n, bytes: hex('0000000000000000') },
  { value: 2n ** 32n - 1n, bytes: hex('00000000ffffffff') },
  { value: 2n ** 32n, bytes: hex('0000000100000000') },
  { value: 2n ** 53n - 1n, bytes: hex('001fffffffffffff') },
  { value: 2n ** 53n, bytes: hex('0020000000000000') },
  { value: 2n ** 53n + 1n, bytes: hex('0020000000000001') },
  { value: 2n ** 64n - 1n, bytes: hex('ffffffffffffffff') },
];
const beyond = [-1n, 2n ** 64n];
const outOfRange = expect.objectContaining({ name: 'CodecError', code: 'out-of-range' }) as Error;
const nothing = new Uint8Array(0);

describe.each(edges)('The u64 $value', ({ value, bytes }) => {
  it('is written and read exactly', () => {
    const written = new Uint8Array(10);
    writeU64(written, 1, value);
    expect(written).toEqual(concat([hex('00'), bytes, hex('00')]));
    expect(readU64(written, 1)).toBe(value);
  });

  it('is a number as long as it is a safe one', () => {
    expect(readU64AsNumber(bytes, 0)).toBe(Number(value));
    expect(Number.isSafeInteger(readU64AsNumber(bytes, 0))).toBe(value < 2n ** 53n);
    if (value >= 2n ** 53n) return;
    const written = new Uint8Array(8);
    writeU64Number(written, 0, Number(value));
    expect(written).toEqual(bytes);
  });

  it('passes through commands, entries and headers', () => {
    expect(decode(clientCommands(value), encodeCommand({ kind: 'start', fromEntry: value }, value))).toEqual([
      { kind: 'start', fromEntry: value },
    ]);
    const entry = { type: 1, number: value, data: nothing };
    expect(entryAt(encodeEntry(entry), 0)).toEqual(entry);
    expect(entryNumberAt(encodeEntry(entry), 0)).toBe(Number(value));
    const header = {
      ...goldenHeader,
      systemId: value,
      streamType: value,
      totalLength: value,
      totalEntries: value,
    };
    expect(decodeHeader(encodeHeader(header))).toEqual(header);
  });
});

describe('Integers', () => {
  it('that are random come back as they were', () => {
    fc.assert(
      fc.property(u64, fc.nat(0xffff_ffff), (long, short) => {
        const bytes = new Uint8Array(12);
        writeU64(bytes, 0, long);
        writeU32(bytes, 8, short);
        expect([readU64(bytes, 0), readU32(bytes, 8)]).toEqual([long, short]);
      }),
      { seed: 5, numRuns: 2_000 },
    );
  });
});

describe.each(beyond)('The number %s, which is no u64,', (value) => {
  it('is refused in commands, whose stream type it cannot be either', () => {
    expect(() => encodeCommand({ kind: 'start', fromEntry: value }, 1n)).toThrow(outOfRange);
    expect(() => encodeCommand({ kind: 'entry', entryNumber: value }, 1n)).toThrow(outOfRange);
    expect(() => encodeCommand({ kind: 'stop' }, value)).toThrow(outOfRange);
  });

  it('is refused in entries and headers', () => {
    expect(() => encodeEntry({ type: 1, number: value, data: nothing })).toThrow(outOfRange);
    for (const field of ['systemId', 'streamType', 'totalLength', 'totalEntries']) {
      expect(() => encodeHeader({ ...goldenHeader, [field]: value })).toThrow(outOfRange);
    }
  });

  it('is refused in messages of a source', () => {
    expect(() => encodeSourceMessage({ kind: 'startAtomicOp', expectedEntry: value }, 1n)).toThrow(
      outOfRange,
    );
    expect(() => encodeSourceMessage({ kind: 'truncateFile', entryNumber: value }, 1n)).toThrow(outOfRange);
    for (const field of ['protocolVersion', 'systemId', 'epoch']) {
      const open = {
        kind: 'openSource' as const,
        protocolVersion: 1n,
        systemId: 1n,
        epoch: 1n,
        token: nothing,
      };
      expect(() => encodeSourceMessage({ ...open, [field]: value }, 1n)).toThrow(outOfRange);
    }
  });
});

describe('Smaller fields', () => {
  it.each([-1, 0.5, 2 ** 32, NaN])('refuse the entry type %s', (type) => {
    expect(() => encodeEntry({ type, number: 0n, data: nothing })).toThrow(outOfRange);
    expect(() => encodeSourceMessage({ kind: 'addStreamEntry', entryType: type, data: nothing }, 1n)).toThrow(
      outOfRange,
    );
  });

  it.each([-1, 0.5, 256, NaN])('refuse the version %s', (version) => {
    expect(() => encodeHeader({ ...goldenHeader, version })).toThrow(outOfRange);
  });
});

describe('Numbers of entries in a row', () => {
  const row = (...numbers: bigint[]): Uint8Array =>
    concat(numbers.map((number) => encodeEntry({ type: 1, number, data: nothing })));
  const sequence = expect.objectContaining({ name: 'CodecError', code: 'sequence' }) as Error;

  it.each([
    [0n, 1n, 2n],
    [2n ** 32n - 1n, 2n ** 32n],
    [2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 53n + 2n],
    [2n ** 64n - 2n, 2n ** 64n - 1n],
  ])('may be %s, %s, ...', (...numbers) => {
    const decoded = decode(serverPackets, row(...numbers)).flatMap(unbatched);
    expect(decoded.map((packet) => 'entry' in packet && packet.entry.number)).toEqual(numbers);
  });

  it.each([
    ['repeated', 7n, 7n],
    ['missing', 7n, 9n],
    ['back in order', 7n, 6n],
    ['repeated beyond 2^53', 2n ** 53n, 2n ** 53n],
    ['missing beyond 2^53', 2n ** 53n, 2n ** 53n + 2n],
    ['wrapped at 2^32', 2n ** 32n - 1n, 0n],
    ['wrapped at 2^64', 2n ** 64n - 1n, 0n],
  ])(
    'end a batch when one is %s: from one batch to the next it is the receiver who must check',
    (_what, before, after) => {
      const batches = [
        { batch: { firstEntry: before, count: 1 } },
        { batch: { firstEntry: after, count: 1 } },
      ];
      expect(decode(serverPackets, row(before, after))).toMatchObject(batches);
      expect(decode(serverPackets, row(before), row(after))).toMatchObject(batches);
      expect(() => entryBatch(row(before, after))).toThrow(sequence);
    },
  );
});
