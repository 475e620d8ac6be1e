// Goal: what is sent at once ends with an entry's end, and is as long as it may be.
import { describe, expect, it } from 'vitest';

import { wholeEntries } from '../src/whole-entries.js';
import { bytesOf, numbered } from './support/stream.js';

describe('Whole entries', () => {
  const sizes = [17, 20, 30, 17, 100];
  const bytes = bytesOf(
    numbered(
      0n,
      sizes.map((size) => ({ type: 1, data: new Uint8Array(size - 17) })),
    ),
  );
  const ends = sizes.map((_size, at) => sizes.slice(0, at + 1).reduce((total, size) => total + size, 0));

  it('are as many as fit, but at least one', () => {
    for (let bytesMax = 0; bytesMax <= bytes.length + 1; bytesMax++) {
      const fitting = ends.filter((end) => end <= bytesMax).at(-1) ?? ends[0];
      expect(wholeEntries(bytes, bytesMax)).toBe(fitting);
    }
  });
});
