/**
 * The stream's tail in memory: encodes entries into pages, ahead of what is committed.
 *
 * What an operation has added is forgotten by rewinding to where it began. An operation that is larger than memory
 * should hold spills: its full pages are written ahead, all but the first. So, until the commit, the byte behind the
 * committed stream stays 0 in the file, and no reader of any kind takes what follows for entries.
 */
import { ENTRY_HEAD_BYTES, entryLengthAt, writeEntry } from '@ds/codec';

import type { DiskFile } from '../disk/disk.js';
import type { FileSpace } from '../disk/file-space.js';
import { StreamFileError } from '../errors.js';
import { Checksums } from '../journal/checksums.js';
import type { PageRow } from '../pages/page-directory.js';
import type { PageStore } from '../pages/page-store.js';
import type { Page } from '../pages/page.js';
import type { Extent } from './header-page.js';

/** How far an operation's pages were written ahead of its commit, and the checksums of its bytes up to there. */
export interface Spill {
  readonly length: number;
  readonly sums: Checksums;
  /** What the pages that end there hold. The directory is told when they are committed, and of no others. */
  readonly rows: PageRow[];
}

interface AppenderParts {
  readonly file: DiskFile;
  readonly space: FileSpace;
  readonly store: PageStore;
}

export class Appender {
  readonly #store: PageStore;
  readonly #file: DiskFile;
  readonly #space: FileSpace;
  readonly #spillPages: number;
  /** Page that the next entry goes to, if any of it is in use. */
  #page: Page | undefined;
  #index: number;
  /** Offset in that page. */
  #at: number;
  #entries: number;
  /** Where the open operation began. */
  #start: Extent | undefined;
  #spill: Spill | undefined;

  /** `tail` is the page that `extent` ends in, filled up to there; undefined if it ends with a page. */
  constructor(parts: AppenderParts, spillPages: number, extent: Extent, tail: Page | undefined) {
    const { geometry } = parts.store.location;
    this.#store = parts.store;
    this.#file = parts.file;
    this.#space = parts.space;
    this.#spillPages = spillPages;
    this.#page = tail;
    this.#index = geometry.pageOf(extent.length);
    this.#at = geometry.offsetInPage(extent.length);
    this.#entries = extent.entries;
  }

  /** Extent of all that was added. */
  get extent(): Extent {
    return {
      length: this.#store.location.geometry.pageStart(this.#index) + this.#at,
      entries: this.#entries,
    };
  }

  /** Length of the stream up to the open operation, or up to the end if none is open. */
  get settledLength(): number {
    return this.#start ? this.#start.length : this.#store.location.geometry.pageStart(this.#index) + this.#at;
  }

  /** Number that the next entry gets. */
  get nextEntry(): number {
    return this.#entries;
  }

  /** The open operation's start, from which on nothing may be written to the file as committed. */
  get operationStart(): Extent | undefined {
    return this.#start;
  }

  startOperation(): void {
    this.#start = this.extent;
    this.#spill = undefined;
  }

  /** Ends the operation. What it added stays. */
  endOperation(): { start: Extent; end: Extent; spill: Spill | undefined } {
    if (!this.#start) throw new StreamFileError('no-operation', 'no atomic operation is open');
    const ended = { start: this.#start, end: this.extent, spill: this.#spill };
    this.#start = undefined;
    this.#spill = undefined;
    return ended;
  }

  /** Adds an entry that was checked, whose data stand in `bytes[from..to)`; returns its number. */
  append(type: number, bytes: Uint8Array, from: number, to: number): number {
    const page = this.#pageFor(ENTRY_HEAD_BYTES + to - from);
    this.#at = page.filled = writeEntry(page.bytes, this.#at, type, this.#entries, bytes, from, to);
    return this.#entries++;
  }

  /** Adds entries that are encoded already, numbered from `nextEntry` on, and were checked. */
  appendEncoded(bytes: Uint8Array): void {
    const { pageBytes } = this.#store.location.geometry;
    let at = 0;
    while (at < bytes.length) {
      const page = this.#pageFor(entryLengthAt(bytes, at));
      let end = at;
      while (end < bytes.length) {
        const next = end + entryLengthAt(bytes, end);
        if (next - at > pageBytes - this.#at) break;
        end = next;
        this.#entries++;
      }
      page.bytes.set(bytes.subarray(at, end), this.#at);
      this.#at += end - at;
      page.filled = this.#at;
      at = end;
    }
  }

  /** Forgets what was added behind `extent`, which is where an operation began or what is committed. */
  rewind(extent: Extent): void {
    const { geometry } = this.#store.location;
    const index = geometry.pageOf(extent.length);
    const at = geometry.offsetInPage(extent.length);
    for (let dropped = this.#index; dropped > index; dropped--) this.#store.drop(dropped);
    this.#page = at === 0 ? undefined : this.#store.held(index);
    if (this.#page) this.#page.rewind(at);
    else this.#store.drop(index);
    this.#index = index;
    this.#at = at;
    this.#entries = extent.entries;
    this.#start = undefined;
    this.#spill = undefined;
  }

  /** A committed page has changed: goes on with its new version. */
  replacePage(page: Page): void {
    if (page.index === this.#index && this.#page) this.#page = page;
  }

  #pageFor(length: number): Page {
    const { pageBytes } = this.#store.location.geometry;
    if (length > pageBytes - this.#at) {
      this.#index++;
      this.#at = 0;
      this.#page = undefined;
      this.#spillPage();
    }
    this.#page ??= this.#store.holdBlank(this.#index);
    return this.#page;
  }

  /** Writes the operation's oldest full page but the first, if it holds too many. */
  #spillPage(): void {
    if (!this.#start) return;
    const { geometry } = this.#store.location;
    const first = geometry.pageOf(this.#start.length);
    let spill = this.#spill;
    const oldest = spill ? geometry.pageOf(spill.length) : first + 1;
    if (this.#index - oldest < this.#spillPages) return;

    spill ??= this.#newSpill(first, this.#start.length);
    // Known of before it is tried: a write that fails may leave something, too.
    this.#spill = spill;
    const page = this.#heldPage(oldest);
    const { bytes } = page;
    this.#space.ensure(spill.length + bytes.length);
    this.#file.writeSync(spill.length, bytes);
    spill.sums.add(page, 0, bytes.length);
    spill.rows.push(page.row(this.#store.location));
    this.#spill = { ...spill, length: spill.length + bytes.length };
    this.#store.drop(oldest);
  }

  /** Of an operation that begins in page `first`, which stays in memory. */
  #newSpill(first: number, start: number): Spill {
    const { geometry } = this.#store.location;
    const sums = new Checksums();
    sums.add(this.#heldPage(first), geometry.offsetInPage(start), geometry.pageBytes);
    return { length: geometry.pageStart(first + 1), sums, rows: [] };
  }

  #heldPage(index: number): Page {
    const page = this.#store.held(index);
    if (!page) throw new StreamFileError('io', `page ${index} of the open operation is not in memory`);
    return page;
  }
}
