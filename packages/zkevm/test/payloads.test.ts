// Every payload has the bytes that nodes in production write and read: each vector is encoded and decoded.
import { describe, expect, it } from 'vitest';
import { decodeLegacyPayload, decodePayload, encodeLegacyPayload, encodePayload } from '../src/index.js';
import { bytes, legacyVectors, protobufVectors } from './vectors.js';

describe('a payload of a protobuf stream', () => {
  it.each(protobufVectors)('encodes: $name', ({ type, hex, payload }) => {
    expect(encodePayload(payload)).toEqual({ type, data: bytes(hex) });
  });

  it.each(protobufVectors)('decodes: $name', ({ type, hex, payload }) => {
    expect(decodePayload(type, bytes(hex))).toEqual(payload);
  });

  it('takes no bytes for fields that are left out or undefined', () => {
    expect(encodePayload({ kind: 'transaction' })).toEqual({ type: 3, data: bytes('') });
    expect(encodePayload({ kind: 'l2Block', number: 5n, hash: undefined })).toEqual({
      type: 2,
      data: bytes('0805'),
    });
  });

  it('is a plain object, nothing of the protobuf library', () => {
    const payload = decodePayload(1, bytes('0801 2a02 0a00'));
    expect(Object.getPrototypeOf(payload)).toBe(Object.prototype);
    expect(Object.keys(payload)).toEqual(['kind', 'number', 'type', 'forkId', 'chainId', 'debug']);
  });

  it('ignores well-formed fields of a newer schema, wherever they stand', () => {
    const unknown = {
      varint: 'f80105',
      fixed64: 'f9010102030405060708',
      delimited: 'fa0103aabbcc',
      fixed32: 'fd0101020304',
    };
    for (const field of Object.values(unknown)) {
      expect(decodePayload(6, bytes(`${field}0805`))).toEqual({ kind: 'l2BlockEnd', number: 5n });
      expect(decodePayload(6, bytes(`0805${field}`))).toEqual({ kind: 'l2BlockEnd', number: 5n });
    }
  });

  it('takes fields in any order, and the last of a field that comes twice', () => {
    expect(decodePayload(0xb0, bytes('1007 0801 1009'))).toEqual({ kind: 'bookmark', type: 1, value: 9n });
  });

  it('has byte fields that are views of the data', () => {
    const data = bytes('1202aabb');
    const payload = decodePayload(4, data);
    data[2] = 0x77;
    expect(payload).toMatchObject({ localExitRoot: bytes('77bb') });
  });
});

describe('a payload of an old stream', () => {
  it.each(legacyVectors)('encodes: $name', ({ type, hex, payload }) => {
    expect(encodeLegacyPayload(payload)).toEqual({ type, data: bytes(hex) });
  });

  it.each(legacyVectors)('decodes: $name', ({ type, hex, payload }) => {
    expect(decodeLegacyPayload(type, bytes(hex))).toEqual(payload);
  });

  it('has byte fields that are views of the data', () => {
    const data = bytes(`ff01${'00'.repeat(32)}00000001c0`);
    const payload = decodeLegacyPayload(2, data);
    data[38] = 0x77;
    expect(payload).toMatchObject({ encoded: bytes('77') });
  });
});
