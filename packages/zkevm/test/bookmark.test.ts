// A bookmark is the key that clients ask for, so its bytes must be exact, and either style is recognised.
import { describe, expect, it } from 'vitest';
import {
  batchBookmark,
  blockBookmark,
  BookmarkType,
  decodeBookmark,
  encodeBookmark,
  payloadStyle,
  ZkevmError,
} from '../src/index.js';
import { bytes } from './vectors.js';

describe('a bookmark', () => {
  it('of a batch or block is one call in either style', () => {
    expect(batchBookmark(0n)).toEqual(bytes('0801'));
    expect(blockBookmark(0n)).toEqual(bytes('0802'));
    expect(blockBookmark(5_903_656n)).toEqual(bytes('080210a8aae802'));
    expect(batchBookmark(7n, 'legacy')).toEqual(bytes('010000000000000007'));
    expect(blockBookmark(7n, 'legacy')).toEqual(bytes('000000000000000007'));
  });

  it('is decoded in either style without being told which', () => {
    for (const style of ['protobuf', 'legacy'] as const) {
      const data = encodeBookmark({ type: BookmarkType.batch, value: 12n }, style);
      expect(payloadStyle(data)).toBe(style);
      expect(decodeBookmark(data)).toEqual({ kind: 'bookmark', type: BookmarkType.batch, value: 12n });
    }
  });

  it('of 9 protobuf bytes is not taken for an old one', () => {
    const data = blockBookmark(2n ** 36n);
    expect(data).toHaveLength(9);
    expect(decodeBookmark(data)).toMatchObject({ type: BookmarkType.l2Block, value: 2n ** 36n });
  });

  it('of neither style is refused', () => {
    expect(() => payloadStyle(bytes(''))).toThrow(
      new ZkevmError('malformed', 'no bookmark of a zkEVM stream: it is empty', {
        entryType: 176,
        offset: 0,
      }),
    );
    expect(() => payloadStyle(bytes('0000'))).toThrow(/it starts like an old one but has 2 bytes, not 9/);
  });

  it('of something else than a batch or block has no old style', () => {
    expect(() => encodeBookmark({ type: 7, value: 1n }, 'legacy')).toThrow(
      /field kind: old bookmarks point at batches and blocks, not at type 7/,
    );
  });

  it('takes 64 bits unsigned and no more', () => {
    for (const style of ['protobuf', 'legacy'] as const) {
      expect(decodeBookmark(blockBookmark(2n ** 64n - 1n, style)).value).toBe(2n ** 64n - 1n);
      expect(() => blockBookmark(2n ** 64n, style)).toThrow(ZkevmError);
      expect(() => blockBookmark(-1n, style)).toThrow(ZkevmError);
    }
  });
});
