/**
 * Finds entries and gives out committed bytes, as they stand in the file.
 *
 * Every page starts with an entry, so a binary search over the pages' first entries finds the page of any other. Within a
 * page that is not in memory, the page directory says which few kilobytes to read.
 */
import { crc32 } from 'node:zlib';

import { BOOKMARK_ENTRY_TYPE, ENTRY_HEAD_BYTES, entryLengthAt, entryNumberAt, entryTypeAt } from '@ds/codec';

import type { DiskFile } from '../disk/disk.js';
import { ioError, StreamFileError } from '../errors.js';
import { HEADER_PAGE_BYTES } from '../pages/geometry.js';
import type { PageRow, PageRows } from '../pages/page-directory.js';
import type { PageStore } from '../pages/page-store.js';
import { damagedBlock, type Page } from '../pages/page.js';

/** Entries' bytes back to back, and where to read on. */
export interface Chunk {
  /** A view of committed bytes: it stays what it is, whatever becomes of the stream. */
  readonly bytes: Uint8Array;
  /** Offset in the file behind these bytes. A safe integer. */
  readonly nextOffset: number;
}

/** A chunk whose bytes are borrowed: they stay what they are until it is released, and must not be looked at afterwards. */
export interface Loan extends Chunk {
  /** How many entries these are. */
  readonly entries: number;
  /** Lets the memory be used for something else. To be called once. */
  readonly release: () => void;
}

const UNKNOWN = -1;
/** Bytes that are copied for a reader when too many pages are borrowed already. */
const COPIED_BYTES = 32 << 10;

export class Reader {
  readonly #file: DiskFile;
  readonly #store: PageStore<PageRows>;
  /** First entry number of each page, as far as it was needed. */
  #firstEntries = new Float64Array(64).fill(UNKNOWN);
  /** Where a block is read to. */
  #scratch = new Uint8Array(0);

  constructor(file: DiskFile, store: PageStore<PageRows>) {
    this.#file = file;
    this.#store = store;
  }

  /** Pages from the one with the byte at `length` on have changed. */
  forget(length: number): void {
    this.#firstEntries.fill(UNKNOWN, this.#store.location.geometry.pageOf(length));
  }

  /**
   * Committed bytes from `offset` on, at most `bytesMax` and at most to the end of a page; undefined at the stream's end.
   * `offset` is one that `offsetOf` or an earlier chunk gave.
   */
  read(offset: number, bytesMax: number): Chunk | undefined | Promise<Chunk | undefined> {
    const { geometry } = this.#store.location;
    if (offset >= this.#store.committed.length) return undefined;
    const page = this.#store.get(geometry.pageOf(offset));
    return page instanceof Promise
      ? page.then((loaded) => this.#chunk(loaded, offset, bytesMax))
      : this.#chunk(page, offset, bytesMax);
  }

  #chunk(page: Page, offset: number, bytesMax: number): Chunk | undefined | Promise<Chunk | undefined> {
    const { location } = this.#store;
    const { geometry } = location;
    const at = geometry.offsetInPage(offset);
    const limit = this.#store.limit(page.index);
    // The stream may have been cut while the page was loaded.
    if (at >= limit) return undefined;
    const end = page.entriesEnd(limit, location);
    if (at >= end) {
      if (end === limit) return undefined;
      return this.read(geometry.pageStart(page.index + 1), bytesMax);
    }
    const stop = Math.min(end, at + bytesMax);
    return { bytes: page.bytes.subarray(at, stop), nextOffset: geometry.pageStart(page.index) + stop };
  }

  /**
   * Whole committed entries from `offset` on, on loan: at most `bytesMax` bytes, or one entry that is larger, and at most to
   * the end of a page; undefined at the stream's end. Pages that follow are loaded ahead.
   */
  borrow(offset: number, bytesMax: number): Loan | undefined | Promise<Loan | undefined> {
    if (offset >= this.#store.committed.length) return undefined;
    const index = this.#store.location.geometry.pageOf(offset);
    const page = this.#store.borrow(index);
    this.#store.loadAhead(index);
    return page instanceof Promise
      ? page.then((loaded) => this.#loan(loaded, offset, bytesMax))
      : this.#loan(page, offset, bytesMax);
  }

  #loan(page: Page, offset: number, bytesMax: number): Loan | undefined | Promise<Loan | undefined> {
    const { location } = this.#store;
    const { geometry } = location;
    let isLent = false;
    try {
      const at = geometry.offsetInPage(offset);
      const limit = this.#store.limit(page.index);
      // The stream may have been cut while the page was loaded.
      if (at >= limit) return undefined;
      const end = page.entriesEnd(limit, location);
      if (at >= end) {
        return end === limit ? undefined : this.borrow(geometry.pageStart(page.index + 1), bytesMax);
      }
      const isCopied = this.#store.isStretched;
      const stop = wholeEntries(page.bytes, at, end, isCopied ? Math.min(bytesMax, COPIED_BYTES) : bytesMax);
      const bytes = page.bytes.subarray(at, stop);
      const nextOffset = geometry.pageStart(page.index) + stop;
      const nextEntry = stop < end ? entryNumberAt(page.bytes, stop) : this.#entryBehind(page, nextOffset);
      const entries = nextEntry - entryNumberAt(page.bytes, at);
      if (isCopied) return { bytes: new Uint8Array(bytes), nextOffset, entries, release: () => undefined };
      isLent = true;
      const release = (): void => {
        this.#store.giveBack(page);
      };
      return { bytes, nextOffset, entries, release };
    } finally {
      if (!isLent) this.#store.giveBack(page);
    }
  }

  /** Number of the entry behind the last committed one of a page, as a rule without a look at them. */
  #entryBehind(page: Page, nextOffset: number): number {
    const { committed, location } = this.#store;
    if (nextOffset === committed.length) return committed.entries;
    const row = this.#store.row(page.index);
    if (row) return row.firstEntry + row.entries;
    return page.firstEntry + page.countEntries(this.#store.limit(page.index), location).count;
  }

  /** Entry `number` as it stands in the file: bytes of its own. */
  entry(number: number): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    if (!(number >= 0 && number < this.#store.committed.entries)) return undefined;
    const index = this.#pageOfEntry(number);
    const row = this.#store.inMemory(index) ? undefined : this.#store.row(index);
    return row
      ? this.#entryInBlock(row, index, number)
      : this.#lookInto(
          index,
          number,
          (page) => this.#entryIn(page, number),
          () => this.entry(number),
        );
  }

  /**
   * Borrows the page of entry `number` for as long as `look` takes. If the stream was cut while the page was loaded, the entry
   * may be gone, or stand in another one: then all is done `again`.
   */
  #lookInto<T>(
    index: number,
    number: number,
    look: (page: Page) => T,
    again: () => T | Promise<T>,
  ): T | Promise<T> {
    const lookAndGiveBack = (page: Page): T => {
      try {
        return look(page);
      } finally {
        this.#store.giveBack(page);
      }
    };
    const page = this.#store.borrow(index);
    if (!(page instanceof Promise)) return lookAndGiveBack(page);
    return page.then((loaded) => {
      if (number < this.#store.committed.entries && this.#pageOfEntry(number) === index)
        return lookAndGiveBack(loaded);
      this.#store.giveBack(loaded);
      return again();
    });
  }

  #entryIn(page: Page, number: number): Uint8Array {
    const at = this.#store.location.geometry.offsetInPage(this.#offsetIn(page, number));
    return new Uint8Array(page.bytes.subarray(at, at + entryLengthAt(page.bytes, at)));
  }

  /** Reads and verifies only the block that the entry stands in. */
  #entryInBlock(row: PageRow, index: number, number: number): Uint8Array {
    const { location } = this.#store;
    const nth = number - row.firstEntry;
    const inBlock = row.blocks.findLastIndex((block) => block.entriesBefore <= nth);
    const block = row.blocks[inBlock];
    if (!block || nth >= row.entries) throw this.#misplaced(number, index);
    const length = (row.blocks[inBlock + 1]?.offset ?? row.end) - block.offset;
    if (length > this.#scratch.length) this.#scratch = new Uint8Array(length);
    const bytes = this.#scratch.subarray(0, length);
    this.#readSync(location.geometry.pageStart(index) + block.offset, bytes);
    if (crc32(bytes) !== block.crc) throw damagedBlock(row, inBlock, index, location);
    let at = 0;
    for (let skip = nth - block.entriesBefore; skip > 0; skip--) at += entryLengthAt(bytes, at);
    return new Uint8Array(bytes.subarray(at, at + entryLengthAt(bytes, at)));
  }

  /** Offset in the file of entry `number`; of the stream's end if it is the next one; undefined beyond. */
  offsetOf(number: number): number | undefined | Promise<number | undefined> {
    const { entries, length } = this.#store.committed;
    if (number === entries) return length;
    if (number > entries) return undefined;
    return this.#lookInto(
      this.#pageOfEntry(number),
      number,
      (page) => this.#offsetIn(page, number),
      () => this.offsetOf(number),
    );
  }

  /** Offset in the file of entry `number`, which stands in this page. */
  #offsetIn(page: Page, number: number): number {
    const { location } = this.#store;
    const at = page.offsetOf(number, this.#store.limit(page.index), location);
    const pageStart = location.geometry.pageStart(page.index);
    if (at === undefined) throw this.#misplaced(number, page.index);
    return pageStart + at;
  }

  #misplaced(number: number, index: number): StreamFileError {
    const { path, geometry } = this.#store.location;
    const offset = geometry.pageStart(index);
    return new StreamFileError(
      'damaged',
      `${path}: entry ${number} is not in the page at offset ${offset}, where it belongs`,
    );
  }

  #pageOfEntry(number: number): number {
    let low = 0;
    let high = this.#store.location.geometry.pageOf(this.#store.committed.length - 1);
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#firstEntryOf(middle) <= number) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #firstEntryOf(index: number): number {
    if (index >= this.#firstEntries.length) {
      const grown = new Float64Array(Math.max(index + 1, this.#firstEntries.length * 2)).fill(UNKNOWN);
      grown.set(this.#firstEntries);
      this.#firstEntries = grown;
    }
    const known = this.#firstEntries[index]!;
    if (known !== UNKNOWN) return known;
    const first = this.#store.held(index)?.firstEntry ?? this.#readFirstEntry(index);
    this.#firstEntries[index] = first;
    return first;
  }

  #readFirstEntry(index: number): number {
    const head = new Uint8Array(ENTRY_HEAD_BYTES);
    this.#readSync(this.#store.location.geometry.pageStart(index), head);
    return entryNumberAt(head, 0);
  }

  #readSync(offset: number, into: Uint8Array): void {
    const { path } = this.#store.location;
    let count: number;
    try {
      count = this.#file.readSync(offset, into);
    } catch (error) {
      throw ioError(path, `reading ${into.length} bytes at offset ${offset}`, error);
    }
    if (count < into.length) {
      throw new StreamFileError(
        'damaged',
        `${path}: the file ends at offset ${offset + count}, within the stream`,
      );
    }
  }

  /** The first committed entry from number `from` on that is not a bookmark, as it stands in the file: a view. */
  async firstEvent(from: number): Promise<Uint8Array | undefined> {
    for await (const { bytes } of this.chunks(from, this.#store.committed.entries)) {
      for (let at = 0; at < bytes.length; at += entryLengthAt(bytes, at)) {
        if (entryTypeAt(bytes, at) !== BOOKMARK_ENTRY_TYPE)
          return bytes.subarray(at, at + entryLengthAt(bytes, at));
      }
    }
    return undefined;
  }

  /** All chunks from entry `from` up to, not including, entry `to`. */
  async *chunks(from: number, to: number): AsyncGenerator<Chunk, void, undefined> {
    let offset = (await this.offsetOf(from)) ?? HEADER_PAGE_BYTES;
    const end = await this.offsetOf(to);
    while (end !== undefined && offset < end) {
      const chunk = await this.read(offset, end - offset);
      if (!chunk) return;
      offset = chunk.nextOffset;
      // Where padding was skipped, the chunk begins further on than was asked for.
      const over = Math.min(Math.max(offset - end, 0), chunk.bytes.length);
      yield over === 0
        ? chunk
        : { bytes: chunk.bytes.subarray(0, chunk.bytes.length - over), nextOffset: end };
    }
  }
}

/** Where, behind `at`, as many whole entries end as fit into `bytesMax`, or the first one; at most `end`, where one ends. */
function wholeEntries(bytes: Uint8Array, at: number, end: number, bytesMax: number): number {
  if (end - at <= bytesMax) return end;
  let stop = at + entryLengthAt(bytes, at);
  // An offset that is no entry's must not make this endless.
  for (let next = stop; next - at <= bytesMax; next += Math.max(entryLengthAt(bytes, next), 1)) stop = next;
  return stop;
}
