/**
 * Finds entries and gives out committed bytes, as they stand in the file.
 *
 * No index is needed to find an entry: every page starts with one, so a binary search over the pages' first entries
 * finds the page.
 */
import { ENTRY_HEAD_BYTES, entryNumberAt } from '@ds/codec';

import type { DiskFile } from './disk.js';
import { ioError, StreamFileError } from './errors.js';
import { HEADER_PAGE_BYTES } from './geometry.js';
import type { PageStore } from './page-store.js';
import type { Page } from './page.js';

/** Entries' bytes back to back, and where to read on. */
export interface Chunk {
  /** A view of committed bytes: it stays what it is, whatever becomes of the stream. */
  readonly bytes: Uint8Array;
  /** Offset in the file behind these bytes. A safe integer. */
  readonly nextOffset: number;
}

const UNKNOWN = -1;

export class Reader {
  readonly #file: DiskFile;
  readonly #store: PageStore;
  /** First entry number of each page, as far as it was needed. */
  #firstEntries = new Float64Array(64).fill(UNKNOWN);

  constructor(file: DiskFile, store: PageStore) {
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

  /** Offset in the file of entry `number`; of the stream's end if it is the next one; undefined beyond. */
  offsetOf(number: number): number | undefined | Promise<number | undefined> {
    const { entries, length } = this.#store.committed;
    if (number === entries) return length;
    if (number > entries) return undefined;
    const page = this.#store.get(this.#pageOfEntry(number));
    return page instanceof Promise
      ? page.then((loaded) => this.#offsetIn(loaded, number))
      : this.#offsetIn(page, number);
  }

  #offsetIn(page: Page, number: number): number | undefined {
    const { location, committed } = this.#store;
    if (number >= committed.entries) return undefined;
    const at = page.offsetOf(number, this.#store.limit(page.index), location);
    const pageStart = location.geometry.pageStart(page.index);
    if (at === undefined) {
      throw new StreamFileError(
        'damaged',
        `${location.path}: entry ${number} is not in the page at offset ${pageStart}, where it belongs`,
      );
    }
    return pageStart + at;
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
    const { path, geometry } = this.#store.location;
    const head = new Uint8Array(ENTRY_HEAD_BYTES);
    const offset = geometry.pageStart(index);
    try {
      this.#file.readSync(offset, head);
    } catch (error) {
      throw ioError(path, `reading ${head.length} bytes at offset ${offset}`, error);
    }
    return entryNumberAt(head, 0);
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
