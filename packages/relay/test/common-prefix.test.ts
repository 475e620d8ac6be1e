// Goal: the entries that two streams have in common are found exactly, though many behind the fork are alike by chance.
// Method: random pairs of streams, compared with the answer of somebody who looks at every entry from the first on.
import { describe, expect, it } from 'vitest';
import type { Entry } from '@ds/codec';

import { effort, Random, seed } from '@ds/test-kit';
import { commonPrefix, firstDifference, RUN_ENTRIES, type EntrySource } from '../src/common-prefix.js';

/** A stream whose entries are told apart by one byte, and that counts how many are looked at. */
function stream(bytes: readonly number[]): EntrySource & { looks: number } {
  const source = {
    looks: 0,
    getEntry: async (number: bigint): Promise<Entry | undefined> => {
      source.looks++;
      const byte = bytes[Number(number)];
      return byte === undefined
        ? undefined
        : { type: 1 + (byte & 1), number, data: Uint8Array.of(byte >> 1) };
    },
  };
  return source;
}

function naivePrefix(one: readonly number[], other: readonly number[]): bigint {
  const at = one.findIndex((byte, number) => byte !== other[number]);
  return BigInt(at < 0 ? one.length : at);
}

/** Two streams of a length that part at some place; behind it, no `run` entries in a row are alike. */
function fork(random: Random, length: number, run: number): [number[], number[]] {
  const bytes = (count: number): number[] => Array.from({ length: count }, () => random.integer(0, 3));
  const at = random.integer(0, length);
  const shared = bytes(at);
  const [one, other] = [bytes(length - at), bytes(length - at)];
  for (let alike = 0, number = 0; number < one.length; number++) {
    alike = one[number] === other[number] ? alike + 1 : 0;
    if (alike === run || number === 0) {
      other[number] = (one[number]! + random.integer(1, 3)) % 4;
      alike = 0;
    }
  }
  return [
    [...shared, ...one],
    [...shared, ...other],
  ];
}

describe(`The common prefix of two streams (seed ${seed})`, () => {
  it('is what a look at every entry finds, wherever they part, however many are alike behind that', async () => {
    const random = new Random();
    for (let round = 0; round < 1_500 * effort; round++) {
      const run = random.integer(1, 6);
      const [one, other] = fork(random, random.integer(0, 120), run);
      const found = await commonPrefix(stream(one), stream(other), BigInt(one.length), BigInt(run));
      expect(found, `round ${round}`).toBe(naivePrefix(one, other));
    }
  });

  it('is all of them when nothing differs, and nothing when all does', async () => {
    const bytes = Array.from({ length: 5_000 }, () => 1);
    const others = bytes.map(() => 2);
    expect(await commonPrefix(stream(bytes), stream(bytes), 5_000n)).toBe(5_000n);
    expect(await commonPrefix(stream(bytes), stream(others), 5_000n)).toBe(0n);
  });

  it('is found in a long stream by looking at a small part of it', async () => {
    const random = new Random();
    const [one, other] = fork(random, 300_000, Number(RUN_ENTRIES));
    const source = stream(one);
    expect(await commonPrefix(source, stream(other), 300_000n)).toBe(naivePrefix(one, other));
    expect(source.looks).toBeLessThan(20 * Number(RUN_ENTRIES));
  });
});

describe('The first difference', () => {
  it('is sought in the range that was asked for', async () => {
    const [one, other] = [stream([0, 1, 1, 0, 1]), stream([1, 1, 1, 0, 0])];
    expect(await firstDifference(one, other, 1n, 4n)).toBeUndefined();
    expect(await firstDifference(one, other, 1n, 5n)).toBe(4n);
    expect(await firstDifference(one, other, 0n, 5n)).toBe(0n);
    expect(await firstDifference(one, other, 5n, 5n)).toBeUndefined();
  });

  it('is the first entry that one of the two does not have', async () => {
    expect(await firstDifference(stream([1, 1]), stream([1, 1, 1]), 0n, 3n)).toBe(2n);
  });
});
