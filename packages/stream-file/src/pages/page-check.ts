/**
 * Looks at one page's bytes and says all that is wrong with them, going on behind damage where entries can be told again:
 * at the next block that the page directory knows, or where the bytes make consecutive entries.
 */
import { crc32 } from 'node:zlib';

import { ENTRY_HEAD_BYTES, ENTRY_PACKET, entryLengthAt, entryNumberAt } from '@ds/codec';

import type { PageRow } from './page-directory.js';

/** Something wrong with a page. Offsets are in the page. */
interface PageProblem {
  readonly kind: 'entry' | 'data' | 'padding';
  readonly offset: number;
  /** Entries that it concerns, from the first one up to, not including, the other; where that is not known, undefined. */
  readonly firstEntry: number;
  readonly endEntry: number | undefined;
  readonly message: string;
}

export interface PageFindings {
  readonly problems: PageProblem[];
  /** Whole entries, back to back, as ranges of the page. */
  readonly good: (readonly [from: number, to: number])[];
  /** Number that the entry behind the page has to have, as far as this page tells. */
  readonly nextEntry: number;
  /** Where entries end in the page; undefined if damage stands there. */
  readonly end: number | undefined;
}

/** Entries in a row that are no accident. */
const ENTRIES_TO_BELIEVE = 2;

/** Checks a full page that the directory knows. */
export function checkByRow(bytes: Uint8Array, row: PageRow, expected: number): PageFindings {
  const problems: PageProblem[] = [];
  const good: [number, number][] = [];
  if (row.firstEntry !== expected) {
    const message = `the page starts with entry ${row.firstEntry}, not ${expected}`;
    problems.push({ kind: 'entry', offset: 0, firstEntry: expected, endEntry: row.firstEntry, message });
  }
  for (const [number, block] of row.blocks.entries()) {
    const next = row.blocks[number + 1] ?? { offset: row.end, entriesBefore: row.entries };
    if (crc32(bytes.subarray(block.offset, next.offset)) === block.crc) {
      good.push([block.offset, next.offset]);
      continue;
    }
    const [firstEntry, endEntry] = [
      row.firstEntry + block.entriesBefore,
      row.firstEntry + next.entriesBefore,
    ];
    const message = `these ${next.offset - block.offset} bytes are not those that were written`;
    problems.push({ kind: 'data', offset: block.offset, firstEntry, endEntry, message });
  }
  const nextEntry = row.firstEntry + row.entries;
  problems.push(...checkPadding(bytes, row.end, nextEntry));
  return { problems, good, nextEntry, end: row.end };
}

/**
 * Checks a page, or the committed part of the last one, by its entries alone.
 * @param following number of the entry that the next page starts with, if that is known
 */
export function checkByEntries(
  bytes: Uint8Array,
  expected: number,
  following: number | undefined,
): PageFindings {
  const problems: PageProblem[] = [];
  const good: [number, number][] = [];
  let number = expected;
  /** What the next entry's number is if it was not the last one's number that was wrong, but those before it. */
  let other: number | undefined;
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0) {
    const start = at;
    while (isEntry(bytes, at)) {
      const found = entryNumberAt(bytes, at);
      if (found === other) number = found;
      other = undefined;
      if (found !== number) {
        const message = `the entry is number ${found}, not ${number}`;
        problems.push({ kind: 'entry', offset: at, firstEntry: number, endEntry: number + 1, message });
        other = found + 1;
      }
      number++;
      at += entryLengthAt(bytes, at);
    }
    if (at > start) good.push([start, at]);
    if (at >= bytes.length || bytes[at] === 0) break;

    if (following === number) {
      problems.push(...checkPadding(bytes, at, number));
      return { problems, good, nextEntry: number, end: at };
    }
    const again = entriesBehind(bytes, at, number);
    const endEntry = again === undefined ? following : entryNumberAt(bytes, again);
    const message = `the bytes are not entry ${number}`;
    problems.push({ kind: 'entry', offset: at, firstEntry: number, endEntry, message });
    if (again === undefined) return { problems, good, nextEntry: endEntry ?? number, end: undefined };
    at = again;
    number = entryNumberAt(bytes, again);
  }
  problems.push(...checkPadding(bytes, at, number));
  return { problems, good, nextEntry: number, end: at };
}

/** Whether an entry, of whatever number, stands at `at` as a whole. */
export function isEntry(bytes: Uint8Array, at: number): boolean {
  if (bytes.length - at < ENTRY_HEAD_BYTES || bytes[at] !== ENTRY_PACKET) return false;
  const length = entryLengthAt(bytes, at);
  return length >= ENTRY_HEAD_BYTES && at + length <= bytes.length;
}

/** Where, behind the damage at `at`, entries with numbers over `number` stand in a row up to the end; undefined if nowhere. */
function entriesBehind(bytes: Uint8Array, at: number, number: number): number | undefined {
  for (
    let from = bytes.indexOf(ENTRY_PACKET, at + 1);
    from >= 0;
    from = bytes.indexOf(ENTRY_PACKET, from + 1)
  ) {
    if (!isEntry(bytes, from)) continue;
    const first = entryNumberAt(bytes, from);
    // Between the damage's start and here there is room for so many entries at most.
    if (first <= number || first > number + (from - at) / ENTRY_HEAD_BYTES) continue;
    let count = 0;
    let end = from;
    while (isEntry(bytes, end) && entryNumberAt(bytes, end) === first + count) {
      end += entryLengthAt(bytes, end);
      count++;
    }
    if (count >= ENTRIES_TO_BELIEVE || end === bytes.length) return from;
  }
  return undefined;
}

function checkPadding(bytes: Uint8Array, from: number, number: number): PageProblem[] {
  const dirty = bytes.subarray(from).findIndex((byte) => byte !== 0);
  if (dirty < 0) return [];
  const message = 'the padding is not zero';
  return [{ kind: 'padding', offset: from + dirty, firstEntry: number, endEntry: number, message }];
}
