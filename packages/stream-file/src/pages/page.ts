/**
 * A data page in memory: entries back to back from its first byte on.
 *
 * One page object serves the writer, which encodes entries into it, and all readers, which are given views of what is
 * committed. Committed bytes are never changed in place: what must change gets a new page object, so a view that
 * somebody still holds stays what it was.
 */
import { crc32 } from 'node:zlib';

import { ENTRY_HEAD_BYTES, ENTRY_PACKET, entryLengthAt, entryNumberAt } from '@ds/codec';

import { StreamFileError } from '../errors.js';
import { crcOf, viewOf } from '../journal/checksums.js';
import type { Geometry } from './geometry.js';
import type { PageRow } from './page-directory.js';
import { RowBuilder } from './row-builder.js';

/** Every how many entries a page remembers an offset. */
const SAMPLE_ENTRIES = 64;

export class Page {
  readonly index: number;
  readonly bytes: Uint8Array;
  /** The same bytes. */
  readonly view: DataView;
  /** Bytes from the page's start that are here; behind them may stand more in the file. */
  filled: number;
  /** Readers that have borrowed views of this page. */
  borrowers = 0;
  /** Whether views of it were given out for good: its memory is never used for another page. */
  isKept = false;
  /** Whether it was loaded ahead of need and nobody has needed it yet. */
  isAhead = false;
  /** Offset behind the last entry, if the page was verified. */
  #verifiedEnd: number | undefined;
  /** Describes the page while it is being filled; undefined if not all of it came that way. */
  #builder: RowBuilder | undefined;
  /** Offsets in the page of entries 0, 64, 128, ... of the page, as far as it was walked. */
  readonly #samples: number[] = [];
  #walkedBytes = 0;
  #walkedEntries = 0;

  constructor(index: number, bytes: Uint8Array, filled = 0) {
    this.index = index;
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.filled = filled;
  }

  /** A copy with the first `filled` bytes, to be changed while views of this page live on. */
  copy(filled: number): Page {
    const bytes = new Uint8Array(this.bytes.length);
    bytes.set(this.bytes.subarray(0, filled));
    return new Page(this.index, bytes, filled);
  }

  /** Number of the page's first entry. Some of the page must be filled. */
  get firstEntry(): number {
    return entryNumberAt(this.bytes, 0);
  }

  /**
   * Offset in the page behind the last entry that begins before `limit`: where padding starts, or `limit` itself.
   * `limit` is an offset in the page, at most `filled`, that no entry crosses.
   * @throws {StreamFileError} `damaged`
   */
  entriesEnd(limit: number, where: PageLocation): number {
    if (this.#verifiedEnd !== undefined) return Math.min(this.#verifiedEnd, limit);
    const described = this.#builder?.end ?? 0;
    if (limit <= described || described === this.filled) return Math.min(described, limit);
    this.#walk(limit, where);
    return Math.min(this.#walkedBytes, limit);
  }

  /**
   * Offset in the page of entry `number`, or undefined if it does not begin before `limit`.
   * @throws {StreamFileError} `damaged`
   */
  offsetOf(number: number, limit: number, where: PageLocation): number | undefined {
    const nth = number - this.firstEntry;
    if (nth < 0) return undefined;
    this.#walk(limit, where);
    if (nth >= this.#walkedEntries) return undefined;
    let at = this.#samples[Math.floor(nth / SAMPLE_ENTRIES)]!;
    for (let skip = nth % SAMPLE_ENTRIES; skip > 0; skip--) at += entryLengthAt(this.bytes, at);
    return at < limit ? at : undefined;
  }

  /** Counts the entries that begin before `limit` and are right, and says what is wrong behind them. */
  countEntries(
    limit: number,
    where: PageLocation,
  ): { end: number; count: number; error: StreamFileError | undefined } {
    let error: StreamFileError | undefined;
    try {
      this.#walk(limit, where);
    } catch (thrown) {
      if (!(thrown instanceof StreamFileError)) throw thrown;
      error = thrown;
    }
    return { end: this.#walkedBytes, count: this.#walkedEntries, error };
  }

  /**
   * CRC-32 of the bytes from `from` to `to`, entries that are committed. Where these follow one another from the page's first
   * byte on, the page is described on the way, and its bytes need not be looked at once more.
   */
  sumUp(from: number, to: number): number {
    if (from === 0) this.#builder = new RowBuilder(this);
    if (this.#builder?.end === from) return this.#builder.add(to);
    this.#builder = undefined;
    return crcOf(this.view, from, to);
  }

  /** What the page holds, when it is full. */
  row(where: PageLocation): PageRow {
    if (this.#builder?.end === this.filled) return this.#builder.row();
    const builder = new RowBuilder(this);
    builder.add(this.entriesEnd(this.filled, where));
    return builder.row();
  }

  /**
   * Compares the full page with what it held when it was written.
   * @throws {StreamFileError} `damaged`
   */
  verify(row: PageRow, where: PageLocation): void {
    const { bytes } = this;
    for (const [number, block] of row.blocks.entries()) {
      const to = row.blocks[number + 1]?.offset ?? row.end;
      if (crc32(bytes.subarray(block.offset, to)) !== block.crc)
        throw damagedBlock(row, number, this.index, where);
    }
    const padding = bytes.subarray(row.end).findIndex((byte) => byte !== 0);
    if (padding >= 0) {
      const offset = where.geometry.pageStart(this.index) + row.end + padding;
      throw new StreamFileError('damaged', `${where.path}: the padding at offset ${offset} is not zero`);
    }
  }

  /** The full page is what was written, and its entries end at `end`: they need not be walked to know. */
  trust(end: number): void {
    this.#verifiedEnd = end;
  }

  /** Walks the entries up to `limit`, checking each, and remembers some offsets. */
  #walk(limit: number, where: PageLocation): void {
    const { bytes } = this;
    let at = this.#walkedBytes;
    if (at >= limit) return;
    let number = this.firstEntry + this.#walkedEntries;
    // A zero byte is padding, or the free rest of the last page.
    while (at < limit && bytes[at] !== 0) {
      const length = limit - at < ENTRY_HEAD_BYTES ? 0 : entryLengthAt(bytes, at);
      if (
        bytes[at] !== ENTRY_PACKET ||
        length < ENTRY_HEAD_BYTES ||
        at + length > limit ||
        entryNumberAt(bytes, at) !== number
      ) {
        throw damagedEntry(where, this.index, at, number);
      }
      if (this.#walkedEntries % SAMPLE_ENTRIES === 0) this.#samples.push(at);
      this.#walkedEntries++;
      number++;
      at += length;
      this.#walkedBytes = at;
    }
  }

  /** Forgets entries from offset `at` of the page on, which were not committed. */
  rewind(at: number): void {
    if (this.#builder && this.#builder.end > at) this.#builder = undefined;
    this.bytes.fill(0, at, this.filled);
    this.filled = at;
  }
}

/** What an error must know to say where a page is. */
export interface PageLocation {
  readonly path: string;
  readonly geometry: Geometry;
}

/** The bytes of a block are not those that were written. */
export function damagedBlock(
  row: PageRow,
  number: number,
  page: number,
  where: PageLocation,
): StreamFileError {
  const block = row.blocks[number]!;
  const next = row.blocks[number + 1] ?? { offset: row.end, entriesBefore: row.entries };
  const pageStart = where.geometry.pageStart(page);
  return new StreamFileError(
    'damaged',
    `${where.path}: the bytes from offset ${pageStart + block.offset} to ${pageStart + next.offset}, entries ` +
      `${row.firstEntry + block.entriesBefore} to ${row.firstEntry + next.entriesBefore - 1}, are not those that were written`,
  );
}

function damagedEntry(
  { path, geometry }: PageLocation,
  page: number,
  at: number,
  number: number,
): StreamFileError {
  const offset = geometry.pageStart(page) + at;
  return new StreamFileError('damaged', `${path}: the bytes at offset ${offset} are not entry ${number}`);
}
