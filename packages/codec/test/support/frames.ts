/** Random frames of every kind, for property tests. */
import fc from 'fast-check';
import type { ClientCommand, Entry, Header, Result, SourceAnswer, SourceMessage } from '../../src/index.js';
import type { GoldenPacket } from '../golden.js';

const U64_MAX = 2n ** 64n - 1n;

export const u64 = fc.oneof(
  fc.constantFrom(0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, U64_MAX),
  fc.bigInt({ min: 0n, max: U64_MAX }),
);
const u32 = fc.oneof(fc.constantFrom(0, 0xb0, 0xffff_ffff), fc.nat(0xffff_ffff));
const data = fc.uint8Array({ maxLength: 60 });
const bookmark = fc.uint8Array({ minLength: 1, maxLength: 16 });
const asciiTexts = fc.string({ unit: 'grapheme-ascii', maxLength: 40 });

export const command: fc.Arbitrary<ClientCommand> = fc.oneof(
  fc.record({ kind: fc.constant('start' as const), fromEntry: u64 }),
  fc.record({ kind: fc.constant('stop' as const) }),
  fc.record({ kind: fc.constant('header' as const) }),
  fc.record({ kind: fc.constant('startBookmark' as const), bookmark }),
  fc.record({ kind: fc.constant('entry' as const), entryNumber: u64 }),
  fc.record({ kind: fc.constant('bookmark' as const), bookmark }),
  fc.record({ kind: fc.constant('authenticate' as const), token: data }),
);

export const sourceMessage: fc.Arbitrary<SourceMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('openSource' as const),
    protocolVersion: u64,
    systemId: u64,
    epoch: u64,
    token: data,
  }),
  fc.record({ kind: fc.constant('startAtomicOp' as const), expectedEntry: u64 }),
  fc.record({ kind: fc.constant('addStreamEntry' as const), entryType: u32, data }),
  fc.record({ kind: fc.constant('addStreamBookmark' as const), bookmark }),
  fc.record({ kind: fc.constant('commitAtomicOp' as const) }),
  fc.record({ kind: fc.constant('rollbackAtomicOp' as const) }),
  fc.record({ kind: fc.constant('truncateFile' as const), entryNumber: u64 }),
  fc.record({ kind: fc.constant('updateEntryData' as const), entryNumber: u64, entryType: u32, data }),
  fc.record({ kind: fc.constant('header' as const) }),
);

const entry: fc.Arbitrary<Entry> = fc.record({ type: u32, number: u64, data });
const header: fc.Arbitrary<Header> = fc.record({
  version: fc.nat(0xff),
  systemId: u64,
  streamType: u64,
  totalLength: u64,
  totalEntries: u64,
});
const result: fc.Arbitrary<Result> = fc.record({
  kind: fc.constant('result' as const),
  code: u32,
  text: asciiTexts,
});

export const sourceAnswer: fc.Arbitrary<SourceAnswer> = fc.oneof(
  result,
  fc.record({ kind: fc.constant('header' as const), header }),
);

/** Entries of a stream, in a row. */
const entries: fc.Arbitrary<GoldenPacket[]> = fc
  .tuple(fc.bigInt({ min: 0n, max: 2n ** 64n - 20n }), fc.array(entry, { minLength: 1, maxLength: 8 }))
  .map(([first, row]) =>
    row.map((each, i) => ({ kind: 'entry', entry: { ...each, number: first + BigInt(i) } })),
  );

/** What a server sends: answers, and stretches of a stream with a result between any two of them. */
export const packets: fc.Arbitrary<GoldenPacket[]> = fc
  .array(
    fc.oneof(
      fc.tuple(result, entries).map(([before, row]): GoldenPacket[] => [before, ...row]),
      sourceAnswer.map((answer): GoldenPacket[] => [answer]),
      fc.record({ kind: fc.constant('answer' as const), entry }).map((answer): GoldenPacket[] => [answer]),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((parts) => parts.flat());
