// What was encoded decodes to the same; and whatever bytes come, the answer is a payload or a ZkevmError, never
// another exception. Data is generated from a fixed seed; DS_TEST_LONG=1 takes more of it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeLegacyPayload,
  decodePayload,
  type EncodedEntry,
  encodeLegacyPayload,
  encodePayload,
  type LegacyPayload,
  type Payload,
  ZkevmError,
} from '../src/index.js';
import { bytes, legacyVectors, protobufVectors } from './vectors.js';

const runs = { seed: 176, numRuns: process.env['DS_TEST_LONG'] === '1' ? 20_000 : 300 };

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const u32 = fc.nat(2 ** 32 - 1);
const u16 = fc.nat(0xffff);
const data = fc.uint8Array({ maxLength: 300 });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const address = fc.uint8Array({ minLength: 20, maxLength: 20 });
const openEnum = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const debug = fc.string({ unit: 'binary', maxLength: 40 });

/** A record whose `debug` is sometimes left out. */
const noted = <T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.oneof(fc.record(fields), fc.record({ ...fields, debug })) as fc.Arbitrary<T>;

const payload: fc.Arbitrary<Payload> = fc.oneof(
  fc.record({ kind: fc.constant('bookmark' as const), type: openEnum, value: u64 }),
  noted({ kind: fc.constant('batchStart' as const), number: u64, type: openEnum, forkId: u64, chainId: u64 }),
  noted({ kind: fc.constant('batchEnd' as const), number: u64, localExitRoot: data, stateRoot: data }),
  noted({
    kind: fc.constant('l2Block' as const),
    number: u64,
    batchNumber: u64,
    timestamp: u64,
    deltaTimestamp: u32,
    minTimestamp: u64,
    l1BlockHash: data,
    l1InfoTreeIndex: u32,
    hash: data,
    stateRoot: data,
    globalExitRoot: data,
    coinbase: data,
    blockGasLimit: u64,
    blockInfoRoot: data,
    baseFee: data,
  }),
  fc.record({ kind: fc.constant('l2BlockEnd' as const), number: u64 }),
  noted({
    kind: fc.constant('transaction' as const),
    l2BlockNumber: u64,
    index: u64,
    isValid: fc.boolean(),
    encoded: data,
    effectiveGasPricePercentage: u32,
    imStateRoot: data,
  }),
  noted({
    kind: fc.constant('updateGer' as const),
    batchNumber: u64,
    timestamp: u64,
    globalExitRoot: data,
    coinbase: data,
    forkId: u64,
    chainId: u64,
    stateRoot: data,
  }),
);

const blockStart = {
  kind: fc.constant('legacyBlockStart' as const),
  batchNumber: u64,
  blockNumber: u64,
  timestamp: u64,
  deltaTimestamp: u32,
  l1InfoTreeIndex: u32,
  l1BlockHash: hash,
  globalExitRoot: hash,
  coinbase: address,
  forkId: u16,
  chainId: u32,
};

const legacyPayload: fc.Arbitrary<LegacyPayload> = fc.oneof(
  fc.record({ kind: fc.constant('bookmark' as const), type: fc.constantFrom(1, 2), value: u64 }),
  fc.record(blockStart),
  fc.record({ ...blockStart, localExitRoot: hash }),
  fc.record({
    kind: fc.constant('legacyTransaction' as const),
    effectiveGasPricePercentage: fc.nat(255),
    isValid: fc.boolean(),
    stateRoot: hash,
    encoded: data,
  }),
  fc.record({ kind: fc.constant('legacyBlockEnd' as const), number: u64, hash, stateRoot: hash }),
  fc.record({
    kind: fc.constant('legacyUpdateGer' as const),
    batchNumber: u64,
    timestamp: u64,
    globalExitRoot: hash,
    coinbase: address,
    forkId: u16,
    chainId: u32,
    stateRoot: hash,
  }),
);

const styles = [
  { style: 'protobuf', vectors: protobufVectors, decode: decodePayload },
  { style: 'old', vectors: legacyVectors, decode: decodeLegacyPayload },
] as const;

/** Decodes; a ZkevmError is as good as a payload, any other exception fails the test. */
function decodeOrRefuse(
  decode: (type: number, data: Uint8Array) => unknown,
  { type, data }: EncodedEntry,
): boolean {
  try {
    decode(type, data);
    return true;
  } catch (error) {
    if (!(error instanceof ZkevmError)) throw error;
    expect(error.entryType).toBe(type);
    return false;
  }
}

describe('any payload', () => {
  it('of a protobuf stream decodes to what was encoded', () => {
    fc.assert(
      fc.property(payload, (original) => {
        const { type, data } = encodePayload(original);
        expect(decodePayload(type, data)).toEqual(original);
      }),
      runs,
    );
  });

  it('of an old stream decodes to what was encoded', () => {
    fc.assert(
      fc.property(legacyPayload, (original) => {
        const { type, data } = encodeLegacyPayload(original);
        expect(decodeLegacyPayload(type, data)).toEqual(original);
      }),
      runs,
    );
  });
});

describe.each(styles)('damaged $style payloads', ({ vectors, decode }) => {
  it('that are cut anywhere are refused or hold fewer fields', () => {
    for (const { type, hex } of vectors) {
      const whole = bytes(hex);
      for (let length = 0; length < whole.length; length += 1) {
        decodeOrRefuse(decode, { type, data: whole.subarray(0, length) });
      }
    }
  });

  it('with any one bit flipped are refused or hold other values', () => {
    for (const { type, hex } of vectors) {
      const data = bytes(hex);
      for (let bit = 0; bit < 8 * data.length; bit += 1) {
        const flipped = Uint8Array.from(data);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        decodeOrRefuse(decode, { type, data: flipped });
      }
    }
  });

  it('of random bytes are refused or hold some values', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 3, 4, 5, 6, 0xb0, 99), data, (type, noise) => {
        decodeOrRefuse(decode, { type, data: noise });
      }),
      runs,
    );
  });
});

describe('old structs', () => {
  it('that are cut anywhere are refused, but for the 154-byte block start cut to 122', () => {
    for (const { type, hex, name } of legacyVectors) {
      const whole = bytes(hex);
      for (let length = 0; length < whole.length; length += 1) {
        const accepted = decodeOrRefuse(decodeLegacyPayload, { type, data: whole.subarray(0, length) });
        expect(accepted, `${name} cut to ${length}`).toBe(type === 1 && length === 122);
      }
    }
  });
});
