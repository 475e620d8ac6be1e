/**
 * Holds pages that the page directory does not know against the operations that the journal has: the last page, which is
 * not full, and full ones whose row was never made or was lost.
 *
 * An operation that goes over the page's ends is joined from its parts in the pages: a part that is a whole page needs no
 * reading where the directory knows that page. Of what was taken over nothing is known, and it is taken as it is.
 */
import { entryLengthAt, entryNumberAt } from '@ds/codec';

import type { Extent } from '../commits/header-page.js';
import type { DiskFile } from '../disk/disk.js';
import { ioError, StreamFileError } from '../errors.js';
import { isEntry } from '../pages/page-check.js';
import type { PageRow, PageRows } from '../pages/page-directory.js';
import type { PageWitness } from '../pages/page-store.js';
import type { Page, PageLocation } from '../pages/page.js';
import { crcOf, joinedCrc, viewOf } from './checksums.js';
import type { FoundOperation } from './journal-records.js';
import type { Journal } from './journal.js';

/** The entries of an operation that stand in one page. */
interface Part {
  readonly crc: number;
  readonly bytes: number;
}

export class OperationWitness implements PageWitness {
  readonly #journal: Pick<Journal, 'find'>;
  readonly #rows: PageRows;
  readonly #file: DiskFile;
  readonly #where: PageLocation;
  /** The operation over several pages that was read last, and its parts: its next page is to be asked about soon. */
  #last: { readonly operation: FoundOperation; readonly parts: Map<number, Part> } | undefined;

  constructor(journal: Pick<Journal, 'find'>, rows: PageRows, file: DiskFile, where: PageLocation) {
    this.#journal = journal;
    this.#rows = rows;
    this.#file = file;
    this.#where = where;
  }

  async objection(page: Page, limit: number, committed: Extent): Promise<StreamFileError | undefined> {
    const { end, error } = page.countEntries(limit, this.#where);
    if (error) return error;
    const pageStart = this.#where.geometry.pageStart(page.index);
    const view = viewOf(page.bytes);
    let isKnown = false;
    for (let at = 0; at < end;) {
      const entry = entryNumberAt(page.bytes, at);
      const operation = this.#find(entry, committed);
      if (!operation) return undefined;
      const begins = operation.firstEntry === entry;
      const to = operation.endOffset - pageStart;
      const isMisplaced = !(begins || at === 0) || operation.startOffset > pageStart + at || to <= at;
      isKnown = operation.commitTimeMs > 0;
      // Only what was taken over may end with padding.
      const isCutShort = isKnown && to > end && to <= limit;
      if (isMisplaced || isCutShort) return this.#notCommitted(operation);
      const stop = Math.min(to, end);
      if (isKnown) {
        const part = { crc: crcOf(view, at, stop), bytes: stop - at };
        const crc = begins && stop === to ? part.crc : await this.#joined(operation, page.index, part);
        if (crc !== operation.crc) return this.#notCommitted(operation);
      }
      at = stop;
    }
    return isKnown ? this.#objectionToRest(page, end, limit) : undefined;
  }

  /** Behind the last entry of a page stand zeros, and of the last page nothing. */
  #objectionToRest({ bytes, index }: Page, end: number, limit: number): StreamFileError | undefined {
    if (end === limit) return undefined;
    if (limit === bytes.length && bytes.subarray(end).every((byte) => byte === 0)) return undefined;
    const { path, geometry } = this.#where;
    const offset = geometry.pageStart(index) + end;
    return new StreamFileError('damaged', `${path}: the bytes at offset ${offset} are no entry`);
  }

  /** A journal that cannot be read says nothing. */
  #find(entry: number, committed: Extent): FoundOperation | undefined {
    try {
      return this.#journal.find(entry, committed);
    } catch {
      return undefined;
    }
  }

  /** Checksum of an operation of which one part is at hand. */
  async #joined(operation: FoundOperation, here: number, part: Part): Promise<number> {
    const { geometry } = this.#where;
    const { startOffset, endOffset } = operation;
    const isSame =
      this.#last?.operation.startOffset === startOffset && this.#last.operation.crc === operation.crc;
    const parts = isSame && this.#last ? this.#last.parts : new Map<number, Part>();
    this.#last = { operation, parts };
    parts.set(here, part);
    let joined = 0;
    for (let index = geometry.pageOf(startOffset); geometry.pageStart(index) < endOffset; index++) {
      const start = geometry.pageStart(index);
      const from = Math.max(startOffset - start, 0);
      const to = Math.min(endOffset - start, geometry.pageBytes);
      const next =
        parts.get(index) ?? this.#described(index, from, to) ?? (await this.#read(start + from, start + to));
      parts.set(index, next);
      joined = joinedCrc(joined, next.crc, next.bytes);
    }
    if (joined !== operation.crc) this.#last = undefined;
    return joined;
  }

  /** A whole page as the directory has it. */
  #described(index: number, from: number, to: number): Part | undefined {
    if (from > 0 || to < this.#where.geometry.pageBytes) return undefined;
    const row = this.#rows.row(index);
    return row && partOf(row);
  }

  /** The entries from one offset in the file on, in one page. Damage ends them early. */
  async #read(from: number, to: number): Promise<Part> {
    const bytes = new Uint8Array(to - from);
    await this.#file.read(from, bytes).catch((error: unknown) => {
      throw ioError(this.#where.path, `reading ${bytes.length} bytes at offset ${from}`, error);
    });
    let end = 0;
    while (isEntry(bytes, end)) end += entryLengthAt(bytes, end);
    return { crc: crcOf(viewOf(bytes), 0, end), bytes: end };
  }

  #notCommitted({ startOffset, endOffset, firstEntry, nextEntry }: FoundOperation): StreamFileError {
    return new StreamFileError(
      'damaged',
      `${this.#where.path}: the bytes from offset ${startOffset} to ${endOffset}, entries ${firstEntry} to ` +
        `${nextEntry - 1}, are not those that were committed`,
    );
  }
}

function partOf({ blocks, end }: PageRow): Part {
  let crc = 0;
  for (const [number, block] of blocks.entries()) {
    const to = blocks[number + 1]?.offset ?? end;
    crc = joinedCrc(crc, block.crc, to - block.offset);
  }
  return { crc, bytes: end };
}
