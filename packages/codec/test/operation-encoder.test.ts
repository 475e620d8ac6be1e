// Goal: what the encoder writes in one go is what encoding the messages one by one gives, for any operation, also when one
// encoder makes many.
import { describe, expect, it } from 'vitest';
import { Random } from '@ds/test-kit';
import {
  encodeSourceMessage,
  ENTRY_DATA_BYTES_MAX,
  OperationEncoder,
  type SourceMessage,
} from '../src/index.js';
import { concat } from './support/decoding.js';

describe('An operation', () => {
  it('is encoded as its messages are', () => {
    const random = new Random();
    for (const streamType of [1n, 2n ** 64n - 1n]) {
      const encoder = new OperationEncoder(streamType);
      for (let round = 0; round < 100; round++) {
        const expectedEntry = BigInt(random.integer(0, 2 ** 50));
        const messages: SourceMessage[] = [{ kind: 'startAtomicOp', expectedEntry }];
        for (let count = random.integer(0, 20); count > 0; count--) {
          const data = random.bytes(random.chance(0.1) ? 5_000 : random.integer(1, 16));
          if (data.length <= 16 && random.chance(0.3)) {
            encoder.addBookmark(data);
            messages.push({ kind: 'addStreamBookmark', bookmark: data });
          } else {
            const entryType = random.integer(0, 2 ** 32 - 1);
            encoder.addEntry(entryType, data);
            messages.push({ kind: 'addStreamEntry', entryType, data });
          }
        }
        const encoded = messages.map((message) => encodeSourceMessage(message, streamType));
        expect(encoder.entryCount).toBe(messages.length - 1);
        expect(encoder.length).toBe(concat(encoded).length);
        encoded.push(encodeSourceMessage({ kind: 'commitAtomicOp' }, streamType));
        expect(encoder.finish(expectedEntry)).toEqual(concat(encoded));
        expect(encoder.entryCount).toBe(0);
      }
    }
  });

  it('that is forgotten leaves nothing behind', () => {
    const encoder = new OperationEncoder(1n);
    const empty = Uint8Array.from(encoder.finish(7n));
    encoder.addEntry(1, Uint8Array.of(1, 2, 3));
    encoder.clear();
    expect(encoder.finish(7n)).toEqual(empty);
  });

  it('refuses what no stream can hold, and stays as it was', () => {
    const encoder = new OperationEncoder(1n);
    const { length } = encoder;
    const refused = [
      (): void => {
        encoder.addEntry(1, new Uint8Array(ENTRY_DATA_BYTES_MAX + 1));
      },
      (): void => {
        encoder.addEntry(-1, new Uint8Array(1));
      },
      (): void => {
        encoder.addBookmark(new Uint8Array(17));
      },
    ];
    for (const add of refused) expect(add).toThrow(expect.objectContaining({ name: 'CodecError' }) as Error);
    expect(encoder).toMatchObject({ length, entryCount: 0 });
    expect(() => new OperationEncoder(2n ** 64n)).toThrow(
      expect.objectContaining({ code: 'out-of-range' }) as Error,
    );
  });
});
