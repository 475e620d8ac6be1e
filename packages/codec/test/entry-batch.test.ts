// Goal: a batch says of each of its entries where it stands, however many there are, and whatever is decoded after it.
import { describe, expect, it } from 'vitest';
import { encodeEntry, entryBatch, type EntryBatch } from '../src/index.js';
import { concat } from './support/decoding.js';

/** Entries of different lengths, back to back, and where each starts. */
function entries(count: number): { bytes: Uint8Array; starts: number[] } {
  const starts: number[] = [];
  const parts: Uint8Array[] = [];
  let at = 0;
  for (let nth = 0; nth < count; nth++) {
    starts.push(at);
    const part = encodeEntry({ type: 1, number: BigInt(nth), data: new Uint8Array(nth % 3).fill(nth) });
    parts.push(part);
    at += part.length;
  }
  return { bytes: concat(parts), starts };
}

function startsOf(batch: EntryBatch): number[] {
  return Array.from({ length: batch.count }, (_, index) => batch.offset(index));
}

describe('A batch', () => {
  it.each([1, 1023, 1024, 1025, 70_000])('of %i entries knows where each of them is', (count) => {
    const { bytes, starts } = entries(count);
    const batch = entryBatch(bytes);
    expect(startsOf(batch)).toEqual(starts);
    expect(batch.offset(count)).toBe(bytes.length);
    expect(Array.from({ length: count }, (_, index) => batch.data(index).length)).toEqual(
      starts.map((_, nth) => nth % 3),
    );
  });

  it('still knows when others were decoded, also as a part and as a copy', () => {
    const { bytes, starts } = entries(10);
    const batch = entryBatch(bytes);
    const copy = batch.copy();
    entryBatch(encodeEntry({ type: 1, number: 0n, data: new Uint8Array(500) }));
    expect(startsOf(batch)).toEqual(starts);
    expect(startsOf(copy)).toEqual(starts);
    expect(startsOf(batch.slice(3, 10))).toEqual(starts.slice(3).map((start) => start - starts[3]!));
  });

  it('has no entry beside its own', () => {
    const batch = entryBatch(entries(3).bytes);
    for (const index of [-1, 3, 0.5, NaN]) expect(() => batch.data(index)).toThrow(RangeError);
    for (const index of [-1, 4, 0.5, NaN]) expect(() => batch.offset(index)).toThrow(RangeError);
  });
});
