/** Finds records of a journal, some blocks of which are kept in memory. */
import type { Extent } from '../commits/header-page.js';
import type { DiskFile } from '../disk/disk.js';
import { ioError } from '../errors.js';
import { HEADER_PAGE_BYTES } from '../pages/geometry.js';
import { viewOf } from './checksums.js';
import {
  isEmptyRecord,
  readRecord,
  recordAt,
  RECORD_BYTES,
  type JournalRecord,
  type Operation,
} from './journal-format.js';

/** A range of entries as the journal has it. */
export interface FoundOperation extends JournalRecord {
  readonly firstEntry: number;
  /** Where the range begins: at its first entry, or at the padding before that. */
  readonly startOffset: number;
  /** Index of its record; for a range without one, that of the first record behind it. */
  readonly index: number;
  /** Index behind the last record that holds and ends at or before the range. */
  readonly indexBefore: number;
}

/** Bytes read at a time. */
const BLOCK_BYTES = 16 << 10;
const CACHED_BLOCKS = 64;

export class JournalRecords {
  readonly #file: DiskFile | undefined;
  readonly #path: string;
  /** Least recently used first; the last block as far as it was there when it was read. */
  readonly #blocks = new Map<number, DataView>();
  /** The block that was used last. */
  #newest: { readonly number: number; readonly block: DataView } | undefined;
  /** The range that was found last. */
  #last: FoundOperation | undefined;

  /** Without a file there are no records. */
  constructor(file: DiskFile | undefined, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** Nothing that was read holds any more. */
  forget(): void {
    this.#blocks.clear();
    this.#newest = undefined;
    this.#last = undefined;
  }

  /**
   * The range with entry `number` of a stream that ends at `committed`, according to the first `count` records. What has no
   * record is a range that was taken over.
   */
  find(number: number, count: number, committed: Extent): FoundOperation {
    const found = this.#following(number, count) ?? this.#search(number, count);
    const range = found.nextEntry <= committed.entries ? found : takenOver(found, committed);
    this.#last = range;
    return range;
  }

  /** The record behind the one that was found last, if that is it: so reading in order needs no search. */
  #following(number: number, count: number): FoundOperation | undefined {
    const last = this.#last;
    if (last?.nextEntry !== number || last.index >= count) return undefined;
    const record = this.record(last.index + 1, count);
    if (!record || record.nextEntry <= number || this.record(last.index, count)?.nextEntry !== number)
      return undefined;
    return foundAt(last.index + 1, last.index + 1, record, last);
  }

  #search(number: number, count: number): FoundOperation {
    let low = 0;
    let high = count;
    let before: JournalRecord | undefined;
    let found: { readonly index: number; readonly record: JournalRecord } | undefined;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const probe = this.#validFrom(middle, high, count);
      if (probe && probe.record.nextEntry <= number) {
        before = probe.record;
        low = probe.index + 1;
      } else {
        found = probe ?? found;
        high = middle;
      }
    }
    const end = { nextEntry: Infinity, endOffset: Infinity, commitTimeMs: 0, crc: 0 };
    return foundAt(found?.index ?? count, low, found?.record ?? end, before);
  }

  #validFrom(
    from: number,
    to: number,
    count: number,
  ): { readonly index: number; readonly record: JournalRecord } | undefined {
    for (let index = from; index < to; index++) {
      const record = this.record(index, count);
      if (record) return { index, record };
    }
    return undefined;
  }

  /** Record `index` of `count`; undefined if it is not what was written. */
  record(index: number, count: number): JournalRecord | undefined {
    if (index < 0 || index >= count) return undefined;
    const { block, at } = this.#locate(index, count);
    return readRecord(block, at);
  }

  /** Whether record `index` of `count` is there, and not what was written. */
  isDamaged(index: number, count: number): boolean {
    const { block, at } = this.#locate(index, count);
    return !readRecord(block, at) && !isEmptyRecord(block, at);
  }

  /** The block that record `index` of `count` stands in, and where. */
  #locate(index: number, count: number): { readonly block: DataView; readonly at: number } {
    const at = recordAt(index);
    const number = Math.floor(at / BLOCK_BYTES);
    const start = number * BLOCK_BYTES;
    let block = number === this.#newest?.number ? this.#newest.block : this.#blocks.get(number);
    if (!block || at + RECORD_BYTES > start + block.byteLength)
      block = this.#read(start, Math.min(BLOCK_BYTES, recordAt(count) - start));
    if (block !== this.#newest?.block) this.#keep(number, block);
    return { block, at: at - start };
  }

  #keep(number: number, block: DataView): void {
    this.#newest = { number, block };
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= CACHED_BLOCKS) break;
      this.#blocks.delete(oldest);
    }
  }

  #read(offset: number, length: number): DataView {
    const bytes = new Uint8Array(length);
    try {
      this.#file?.readSync(offset, bytes);
    } catch (error) {
      throw ioError(this.#path, `reading ${length} bytes at offset ${offset}`, error);
    }
    return viewOf(bytes);
  }
}

function foundAt(
  index: number,
  indexBefore: number,
  record: JournalRecord,
  before: JournalRecord | undefined,
): FoundOperation {
  const start = { firstEntry: before?.nextEntry ?? 0, startOffset: before?.endOffset ?? HEADER_PAGE_BYTES };
  // What a record that is lost said of a part of the range is not known.
  const known = index === indexBefore ? {} : { commitTimeMs: 0, crc: 0 };
  return { ...record, ...start, ...known, index, indexBefore };
}

function takenOver(found: FoundOperation, { length, entries }: Extent): FoundOperation {
  return { ...found, nextEntry: entries, endOffset: length, commitTimeMs: 0, crc: 0 };
}

/** What is told of a range to those who use this package. */
export function operationOf({ firstEntry, nextEntry, commitTimeMs, crc }: FoundOperation): Operation {
  const isKnown = commitTimeMs > 0;
  return {
    firstEntry: BigInt(firstEntry),
    nextEntry: BigInt(nextEntry),
    commitTimeMs: isKnown ? BigInt(commitTimeMs) : undefined,
    crc32: isKnown ? crc : undefined,
  };
}
