/**
 * All pages by index: those that the writer holds, and a bounded cache of those that readers want.
 *
 * A page is loaded once however many readers wait for it, and only as far as the stream is committed. The memory of a page
 * that has left the cache is used for another one, but only when nobody has a view of it: readers either borrow a page and
 * give it back, or get one that is kept as long as they like.
 */
import type { Extent } from '../commits/header-page.js';
import type { DiskFile } from '../disk/disk.js';
import { ioError, StreamFileError } from '../errors.js';
import { HEADER_PAGE_BYTES } from './geometry.js';
import type { PageDirectory, PageRow, PageRows } from './page-directory.js';
import { Page, type PageLocation } from './page.js';
import { VerifiedPages } from './verified-pages.js';

/** Loads under way at once: more would not be faster, and each costs a page of memory. */
const LOADS_MAX = 4;
/** Pages loaded ahead of a reader that goes from one to the next. */
const PAGES_AHEAD = 2;
/** Loads for which nothing is loaded ahead, after a page that was has left the cache before anybody needed it. */
const LOADS_WITHOUT = 64;
/** Memory of pages kept for others. */
const SPARES_MAX = 8;

/** How pages are kept for readers. */
export interface CacheOptions {
  /** Pages kept in memory. */
  readonly pages: number;
  /** How long a page that was verified is taken to be what was written, in milliseconds. */
  readonly verifyIntervalMs: number;
}

/** What keeping pages in memory brings, and costs. */
export interface CacheStatus {
  /** How often a page that was asked for was in memory, and how often it was waited for. */
  readonly hits: number;
  readonly misses: number;
  /** Memory of the pages that are kept, those of the writer included. */
  readonly bytes: number;
  /** Pages of which somebody has borrowed a view. */
  readonly pagesOnLoan: number;
}

/** Knows more of some pages than the directory does. */
export interface PageWitness {
  /**
   * What speaks against the first `limit` bytes of a page, which were read from the file, of a stream that ends at
   * `committed`; undefined if nothing is known that does.
   */
  objection(page: Page, limit: number, committed: Extent): Promise<StreamFileError | undefined>;
}

/** Part of a page: what stands between two offsets in it. */
interface PagePiece {
  readonly page: Page;
  readonly from: number;
  readonly to: number;
}

/** Takes parts of pages: what stands between two offsets in each. */
interface PieceTaker {
  add(page: Page, from: number, to: number): void;
}

interface Load {
  readonly page: Promise<Page>;
  /** Readers that will have borrowed the page, and whether any will keep it. */
  borrowers: number;
  isKept: boolean;
}

export class PageStore<Rows extends PageRows = PageDirectory> {
  readonly location: PageLocation;
  readonly directory: Rows;
  readonly #file: DiskFile;
  readonly #options: CacheOptions;
  readonly #verified: VerifiedPages;
  readonly #witness: PageWitness | undefined;
  /** Pages with bytes that are not all in the file yet. */
  readonly #held = new Map<number, Page>();
  /** Least recently used first. */
  readonly #cached = new Map<number, Page>();
  readonly #loading = new Map<number, Load>();
  /** Loads that may read now, and what lets the next ones begin. */
  #loads = 0;
  readonly #waiting: (() => void)[] = [];
  #loadsWithoutAhead = 0;
  readonly #spares: Uint8Array[] = [];
  #borrowedPages = 0;
  #hits = 0;
  #misses = 0;
  /** Grows when committed pages change, so that a load under way knows that it is stale. */
  #generation = 0;
  /** Index of the first page that is being cut off, or cut within. */
  #cuttingFrom = Infinity;
  /** Resolves when what stands in the file of a page that is held is what was committed again. */
  #overwriting: Promise<void> | undefined;
  #committed: Extent = { length: HEADER_PAGE_BYTES, entries: 0 };

  constructor(
    file: DiskFile,
    location: PageLocation,
    directory: Rows,
    options: CacheOptions,
    witness?: PageWitness,
  ) {
    this.#file = file;
    this.directory = directory;
    this.location = location;
    this.#options = options;
    this.#verified = new VerifiedPages(options.verifyIntervalMs);
    this.#witness = witness;
  }

  get committed(): Extent {
    return this.#committed;
  }

  /** What is committed has grown. Pages that are full and in the file need not be held any more. */
  advance(committed: Extent): void {
    this.#committed = committed;
    const tail = this.location.geometry.pageOf(committed.length);
    for (const [index, page] of this.#held) {
      if (index >= tail) continue;
      this.#held.delete(index);
      this.directory.put(index, page.row(this.location));
      this.#cache(page);
    }
  }

  /** Page `index` is about to be cut, or cut off: until `cut`, what readers load from there on is not described any more. */
  beginCut(index: number): void {
    this.#cuttingFrom = index;
  }

  /** What is committed was cut. Pages from the cut on are forgotten, but for `tail`, which holds what is left of its page. */
  cut(committed: Extent, tail: Page | undefined): void {
    this.#committed = committed;
    this.#generation++;
    this.#cuttingFrom = Infinity;
    const from = this.location.geometry.pageOf(committed.length);
    for (const pages of [this.#held, this.#cached]) {
      for (const index of pages.keys()) if (index >= from) pages.delete(index);
    }
    this.#verified.forget(from);
    if (tail) this.hold(tail);
  }

  /**
   * Overwrites an entry of a committed page in the file, and puts the page's new version in place of the old one. Meanwhile
   * nobody reads the page from the file, and nobody judges the pages around it by what stands there.
   */
  async overwrite(old: Page, changed: Page, write: () => Promise<void>): Promise<void> {
    const isWriters = this.#held.has(old.index);
    this.hold(old);
    const writing = write();
    this.#overwriting = writing.catch(() => undefined);
    try {
      await writing;
      // All of it is in the file again: only a page that the writer goes on with need be held any longer.
      if (!isWriters) this.#held.delete(old.index);
      this.#replace(changed);
    } finally {
      this.#overwriting = undefined;
    }
  }

  #replace(page: Page): void {
    this.#generation++;
    this.#verified.forget(page.index, page.index + 1);
    if (this.#held.has(page.index)) this.#held.set(page.index, page);
    else this.#cache(page);
  }

  /** Tells the directory what the last page holds, though it is not full: to be compared when the file is opened again. */
  describeTail(): void {
    const tail = this.#held.get(this.location.geometry.pageOf(this.#committed.length));
    if (tail) this.directory.put(tail.index, tail.row(this.location));
  }

  hold(page: Page): void {
    this.#cached.delete(page.index);
    this.#held.set(page.index, page);
  }

  /** Holds a page of zeros, to be filled by the writer. */
  holdBlank(index: number): Page {
    const spare = this.#spares.pop()?.fill(0);
    const page = new Page(index, spare ?? new Uint8Array(this.location.geometry.pageBytes));
    this.hold(page);
    return page;
  }

  held(index: number): Page | undefined {
    return this.#held.get(index);
  }

  /** What is held of the bytes between two offsets in the file, in order. */
  heldPieces(from: number, to: number): PagePiece[] {
    const pieces: PagePiece[] = [];
    this.eachHeld(from, to, { add: (page, from, to) => pieces.push({ page, from, to }) });
    return pieces;
  }

  /** As `heldPieces`, without an object for each. */
  eachHeld(from: number, to: number, taker: PieceTaker): void {
    const { geometry } = this.location;
    for (let at = from; at < to;) {
      const index = geometry.pageOf(at);
      const pageStart = geometry.pageStart(index);
      const stop = Math.min(to, pageStart + geometry.pageBytes);
      const page = this.#held.get(index);
      if (page) taker.add(page, at - pageStart, stop - pageStart);
      at = stop;
    }
  }

  /** Gives up a held page of which nothing is committed. */
  drop(index: number): void {
    const page = this.#held.get(index);
    if (!page) return;
    this.#held.delete(index);
    this.#reuse(page);
  }

  /** Offset in page `index` up to which it is committed. */
  limit(index: number): number {
    const { geometry } = this.location;
    const committed = this.#committed.length - geometry.pageStart(index);
    return Math.max(0, Math.min(geometry.pageBytes, committed));
  }

  /** What keeping pages in memory brings, and costs. */
  get status(): CacheStatus {
    const pages = this.#held.size + this.#cached.size + this.#spares.length;
    return {
      hits: this.#hits,
      misses: this.#misses,
      bytes: pages * this.location.geometry.pageBytes,
      pagesOnLoan: this.#borrowedPages,
    };
  }

  /** A page that is filled as far as it is committed, if it is in memory. */
  inMemory(index: number): Page | undefined {
    const held = this.#held.get(index);
    if (held) return held;
    const cached = this.#cached.get(index);
    if (!cached || cached.filled < this.limit(index)) return undefined;
    this.#cached.delete(index);
    this.#cached.set(index, cached);
    return cached;
  }

  /** What a full page holds, if that is known. */
  row(index: number): PageRow | undefined {
    return this.limit(index) === this.location.geometry.pageBytes ? this.directory.row(index) : undefined;
  }

  /**
   * A page that is filled as far as it is committed, and stays what it is: at once if it is in memory.
   * @throws {StreamFileError} `io` or `damaged`
   */
  get(index: number): Page | Promise<Page> {
    const inMemory = this.inMemory(index);
    if (inMemory) {
      this.#hits++;
      inMemory.isKept = true;
      return inMemory;
    }
    this.#misses++;
    const load = this.#loading.get(index) ?? this.#startLoad(index);
    load.isKept = true;
    return load.page;
  }

  /**
   * As `get`, but the page must be given back with `giveBack`, and its views not be used afterwards.
   * @throws {StreamFileError} `io` or `damaged`
   */
  borrow(index: number): Page | Promise<Page> {
    const inMemory = this.inMemory(index);
    if (inMemory) {
      this.#hits++;
      this.#lend(inMemory, 1);
      return inMemory;
    }
    this.#misses++;
    const load = this.#loading.get(index) ?? this.#startLoad(index);
    load.borrowers++;
    return load.page;
  }

  /** Ends a `borrow`. */
  giveBack(page: Page): void {
    if (--page.borrowers > 0) return;
    this.#borrowedPages--;
    if (this.#cached.get(page.index) !== page && this.#held.get(page.index) !== page) this.#reuse(page);
  }

  /** Whether so many pages are borrowed for long that others should be given back at once. */
  get isStretched(): boolean {
    return this.#borrowedPages > Math.max(this.#options.pages, 1);
  }

  /** Loads the full pages behind page `index`, if there is nothing else to load. */
  loadAhead(index: number): void {
    if (this.#loadsWithoutAhead > 0 || PAGES_AHEAD >= this.#options.pages) return;
    for (let next = index + 1; next <= index + PAGES_AHEAD; next++) {
      if (this.#loads >= LOADS_MAX || this.limit(next) < this.location.geometry.pageBytes) return;
      if (this.#held.has(next) || this.#cached.has(next) || this.#loading.has(next)) continue;
      // Whoever needs the page meets the error again.
      this.#startLoad(next).page.catch(() => undefined);
    }
  }

  /** Resolves when no page is being loaded any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#loading.values()].map(({ page }) => page));
  }

  #startLoad(index: number): Load {
    if (this.#loadsWithoutAhead > 0) this.#loadsWithoutAhead--;
    const load: Load = { page: this.#load(index), borrowers: 0, isKept: false };
    this.#loading.set(index, load);
    return load;
  }

  async #load(index: number): Promise<Page> {
    try {
      if (this.#loads >= LOADS_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      else this.#loads++;
      // From here on nobody joins this load: who comes later finds the page, or loads it again.
      return await this.#fill(index);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#loads--;
    }
  }

  async #fill(index: number): Promise<Page> {
    const { path, geometry } = this.location;
    for (;;) {
      const generation = this.#generation;
      const limit = this.limit(index);
      const cached = this.#cached.get(index);
      const page = cached ?? new Page(index, this.#spares.pop() ?? uncleared(geometry.pageBytes));
      // Nobody else may use its memory meanwhile.
      this.#lend(page, 1);
      try {
        const from = page.filled;
        const offset = geometry.pageStart(index) + from;
        const count = await this.#file
          .read(offset, page.bytes.subarray(from, limit))
          .catch((error: unknown) => {
            throw ioError(path, `reading ${limit - from} bytes at offset ${offset}`, error);
          });
        const objection = count === limit - from ? await this.#objection(page, from, limit) : undefined;
        const held = this.#held.get(index);
        if (held) return this.#loaded(held);
        if (generation !== this.#generation) continue;
        if (objection && this.#overwriting) {
          await this.#overwriting;
          continue;
        }
        if (objection) throw objection;
        if (count < limit - from) {
          throw new StreamFileError(
            'damaged',
            `${path}: the file ends at offset ${offset + count}, within the stream`,
          );
        }
        if (!cached) page.bytes.fill(0, limit);
        page.filled = limit;
        if (limit === geometry.pageBytes) this.#check(page);
        this.#cache(page);
        if (limit >= this.limit(index)) return this.#loaded(page);
      } catch (error) {
        this.#loading.delete(index);
        throw error;
      } finally {
        this.giveBack(page);
      }
    }
  }

  /**
   * What speaks against a page that was read, if the directory does not know it. What was added to one that is in memory, but
   * not full yet, was written a moment ago: it is looked at when the page is full.
   */
  #objection(page: Page, from: number, limit: number): Promise<StreamFileError | undefined> | undefined {
    const isFull = limit === this.location.geometry.pageBytes;
    const isDescribed =
      isFull && (this.#verified.end(page.index) ?? this.directory.row(page.index)) !== undefined;
    if (isDescribed || (from > 0 && !isFull)) return undefined;
    return this.#witness?.objection(page, limit, this.#committed);
  }

  /** The page is there: it is lent to all that have waited for it. */
  #loaded(page: Page): Page {
    const load = this.#loading.get(page.index);
    this.#loading.delete(page.index);
    if (!load) return page;
    if (load.borrowers > 0) this.#lend(page, load.borrowers);
    page.isKept ||= load.isKept;
    page.isAhead = load.borrowers === 0 && !load.isKept;
    return page;
  }

  #lend(page: Page, borrowers: number): void {
    page.isAhead = false;
    if (page.borrowers === 0) this.#borrowedPages++;
    page.borrowers += borrowers;
  }

  /** Compares a full page with the directory, or puts it there if it is new to it. */
  #check(page: Page): void {
    let end = this.#verified.end(page.index);
    if (end === undefined) {
      let row = this.directory.row(page.index);
      if (row) page.verify(row, this.location);
      else {
        row = page.row(this.location);
        if (page.index < this.#cuttingFrom) this.directory.put(page.index, row);
      }
      ({ end } = row);
      this.#verified.add(page.index, end);
    }
    page.trust(end);
  }

  #cache(page: Page): void {
    this.#cached.delete(page.index);
    this.#cached.set(page.index, page);
    for (const [index, oldest] of this.#cached) {
      if (this.#cached.size <= this.#options.pages) break;
      this.#cached.delete(index);
      if (oldest.isAhead) this.#loadsWithoutAhead = LOADS_WITHOUT;
      if (oldest.borrowers === 0) this.#reuse(oldest);
    }
  }

  /** The page is nobody's any more: its memory is free for another one. */
  #reuse(page: Page): void {
    if (page.isKept || this.#spares.length >= SPARES_MAX) return;
    page.isKept = true;
    this.#spares.push(page.bytes);
  }
}

/** Memory with anything in it. Never a `Buffer`, whose `slice` would copy nothing. */
function uncleared(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}
