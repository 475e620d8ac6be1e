/**
 * Finds how far two streams are the same.
 *
 * Single entries can be alike by chance: that a block ends, say, reads the same on both sides of a fork. A long run of them
 * cannot, as it has blocks with their hashes in it. So what is compared is runs, and where a whole run is the same, all before
 * it is taken to be. Entries are asked for one by one, many at a time, so that a stream that gets shorter meanwhile
 * keeps nobody waiting.
 */
import type { Entry } from '@ds/codec';
import { equalBytes } from '@ds/codec';

/** Entries of a stream by their number: a stream file's, or those of a server. */
export interface EntrySource {
  readonly getEntry: (entryNumber: bigint) => Promise<Entry | undefined>;
}

/** Entries in a run. */
export const RUN_ENTRIES = 256n;
/** Entries asked for at a time. */
const ASKED_ENTRIES = 64n;

/**
 * Number of the first entry that differs between two streams that both have `end` entries; `end` if none does.
 *
 * Exact wherever no `runEntries` entries in a row behind that entry are alike.
 */
export async function commonPrefix(
  one: EntrySource,
  other: EntrySource,
  end: bigint,
  runEntries = RUN_ENTRIES,
): Promise<bigint> {
  let alike = 0n;
  let different = end;
  while (different - alike > 4n * runEntries) {
    const middle = alike + (different - alike) / 2n;
    const found = await firstDifference(one, other, middle, middle + runEntries);
    if (found === undefined) alike = middle + runEntries;
    else different = found;
  }
  return (await firstDifference(one, other, alike, different)) ?? different;
}

/** Number of the first entry from `from` up to, not including, `to` that differs or that one of the two does not have. */
export async function firstDifference(
  one: EntrySource,
  other: EntrySource,
  from: bigint,
  to: bigint,
): Promise<bigint | undefined> {
  for (let start = from; start < to; start += ASKED_ENTRIES) {
    const numbers = range(start, start + ASKED_ENTRIES < to ? start + ASKED_ENTRIES : to);
    const found = await Promise.all(
      numbers.map(async (number) => {
        const [left, right] = await Promise.all([one.getEntry(number), other.getEntry(number)]);
        return left && right && areEqual(left, right) ? undefined : number;
      }),
    );
    const first = found.find((number) => number !== undefined);
    if (first !== undefined) return first;
  }
  return undefined;
}

function areEqual(left: Entry, right: Entry): boolean {
  return left.type === right.type && equalBytes(left.data, right.data);
}

function range(from: bigint, to: bigint): bigint[] {
  return Array.from({ length: Number(to - from) }, (_, index) => from + BigInt(index));
}
