// An error says which entry type, which field and where, so that a bad entry of a large stream can be found.
import { describe, expect, it } from 'vitest';
import {
  decodeLegacyPayload,
  decodePayload,
  encodeLegacyPayload,
  encodePayload,
  type LegacyPayload,
  type PayloadInit,
  ZkevmError,
} from '../src/index.js';
import { bytes } from './vectors.js';

function errorOf(action: () => unknown): ZkevmError {
  try {
    action();
  } catch (error) {
    if (error instanceof ZkevmError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('decoding a protobuf payload', () => {
  it.each([
    { what: 'a cut number', type: 6, hex: '0880', field: 'number', offset: 0 },
    {
      what: 'a number that never ends',
      type: 6,
      hex: '08ffffffffffffffffffffff01',
      field: 'number',
      offset: 0,
    },
    { what: 'bytes that are cut', type: 4, hex: '0801 1204aabb', field: 'local_exit_root', offset: 2 },
    { what: 'a length of 4 GiB', type: 3, hex: '0801 22ffffffff0f', field: 'encoded', offset: 2 },
    { what: 'a known field of another wire type', type: 6, hex: '0a0105', field: 'number', offset: 0 },
    { what: 'a note longer than the data', type: 1, hex: '2a05 0a00', field: 'debug', offset: 0 },
    {
      what: 'a field of a note that is longer than the note',
      type: 1,
      hex: '2a02 0a05 6161616161',
      field: 'message',
      offset: 2,
    },
    { what: 'a note that is no text', type: 1, hex: '0801 2a03 0a01ff', field: 'message', offset: 4 },
    { what: 'field number 0', type: 6, hex: '0805 00', field: undefined, offset: 2 },
    { what: 'an unknown field that is cut', type: 6, hex: '0805 fa0109aa', field: undefined, offset: 2 },
  ])('refuses $what', ({ type, hex, field, offset }) => {
    const error = errorOf(() => decodePayload(type, bytes(hex)));
    expect(error).toMatchObject({ code: 'malformed', entryType: type, field, offset });
    expect(error.message).toContain(`entry type ${type}`);
    expect(error.message).toContain(`offset ${offset}`);
  });

  it('refuses an entry type that protobuf streams do not have', () => {
    const error = errorOf(() => decodePayload(7, bytes('')));
    expect(error).toMatchObject({ code: 'unknown-entry-type', entryType: 7 });
    expect(error.message).toContain('1 batchStart, 2 l2Block');
  });
});

describe('encoding a protobuf payload', () => {
  it.each<{ payload: PayloadInit; field: string }>([
    { payload: { kind: 'l2Block', number: 1n, deltaTimestamp: 2 ** 32 }, field: 'delta_timestamp' },
    { payload: { kind: 'l2Block', l1InfoTreeIndex: -1 }, field: 'l1_infotree_index' },
    { payload: { kind: 'transaction', l2BlockNumber: -1n }, field: 'l2block_number' },
    { payload: { kind: 'batchStart', chainId: 2n ** 64n }, field: 'chain_id' },
    { payload: { kind: 'batchStart', type: 1.5 }, field: 'type' },
  ])('refuses a $field that does not fit', ({ payload, field }) => {
    const error = errorOf(() => encodePayload(payload));
    expect(error).toMatchObject({ code: 'invalid-value', field, offset: undefined });
    expect(error.message).toContain(`field ${field}`);
  });
});

describe('decoding an old payload', () => {
  it.each([
    { what: 'an empty block start', type: 1, hex: '', field: 'batchNumber', offset: 0 },
    {
      what: 'a block start between its two lengths',
      type: 1,
      hex: '00'.repeat(140),
      field: 'localExitRoot',
      offset: 122,
    },
    {
      what: 'a block start beyond its longer length',
      type: 1,
      hex: '00'.repeat(155),
      field: undefined,
      offset: 154,
    },
    {
      what: 'a transaction that is cut',
      type: 2,
      hex: `ff01${'00'.repeat(32)}00000003c0`,
      field: 'encoded',
      offset: 38,
    },
    {
      what: 'a transaction of 4 GiB',
      type: 2,
      hex: `ff01${'00'.repeat(32)}ffffffffc0`,
      field: 'encoded',
      offset: 38,
    },
    { what: 'a transaction neither valid nor invalid', type: 2, hex: 'ff02', field: 'isValid', offset: 1 },
    {
      what: 'a bookmark of an unknown kind',
      type: 0xb0,
      hex: '020000000000000001',
      field: 'kind',
      offset: 0,
    },
    {
      what: 'a bookmark that is too long',
      type: 0xb0,
      hex: '00000000000000000100',
      field: undefined,
      offset: 9,
    },
  ])('refuses $what', ({ type, hex, field, offset }) => {
    expect(errorOf(() => decodeLegacyPayload(type, bytes(hex)))).toMatchObject({
      code: 'malformed',
      entryType: type,
      field,
      offset,
    });
  });

  it('refuses an entry type that old streams do not have', () => {
    expect(errorOf(() => decodeLegacyPayload(6, bytes('')))).toMatchObject({
      code: 'unknown-entry-type',
      entryType: 6,
    });
  });
});

describe('encoding an old payload', () => {
  const hash = bytes('00'.repeat(32));
  it.each<{ payload: LegacyPayload; field: string }>([
    { payload: { kind: 'legacyBlockEnd', number: -1n, hash, stateRoot: hash }, field: 'number' },
    { payload: { kind: 'legacyBlockEnd', number: 1n, hash: bytes('00'), stateRoot: hash }, field: 'hash' },
    {
      payload: {
        kind: 'legacyTransaction',
        effectiveGasPricePercentage: 256,
        isValid: true,
        stateRoot: hash,
        encoded: hash,
      },
      field: 'effectiveGasPricePercentage',
    },
  ])('refuses a $field that does not fit', ({ payload, field }) => {
    expect(errorOf(() => encodeLegacyPayload(payload))).toMatchObject({ code: 'invalid-value', field });
  });
});
