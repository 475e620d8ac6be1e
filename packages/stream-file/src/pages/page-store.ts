/**
 * All pages by index: those that the writer holds, and a bounded cache of those that readers want.
 *
 * A page is loaded once however many readers wait for it, and only as far as the stream is committed.
 */
import type { Extent } from '../commits/header-page.js';
import type { DiskFile } from '../disk/disk.js';
import { ioError, StreamFileError } from '../errors.js';
import { HEADER_PAGE_BYTES } from './geometry.js';
import type { PageDirectory, PageRow, PageRows } from './page-directory.js';
import { Page, type PageLocation } from './page.js';

export class PageStore<Rows extends PageRows = PageDirectory> {
  readonly location: PageLocation;
  readonly directory: Rows;
  readonly #file: DiskFile;
  readonly #cacheCount: number;
  /** Pages with bytes that are not all in the file yet. */
  readonly #held = new Map<number, Page>();
  /** Least recently used first. */
  readonly #cached = new Map<number, Page>();
  readonly #loading = new Map<number, Promise<Page>>();
  /** Grows when committed pages change, so that a load under way knows that it is stale. */
  #generation = 0;
  /** Index of the first page that is being cut off, or cut within. */
  #cuttingFrom = Infinity;
  #committed: Extent = { length: HEADER_PAGE_BYTES, entries: 0 };

  constructor(file: DiskFile, location: PageLocation, directory: Rows, cacheCount: number) {
    this.#file = file;
    this.directory = directory;
    this.location = location;
    this.#cacheCount = cacheCount;
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
    if (tail) this.hold(tail);
  }

  /** A committed page has changed: puts its new version in place of the old one. */
  replace(page: Page): void {
    this.#generation++;
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

  held(index: number): Page | undefined {
    return this.#held.get(index);
  }

  /** Gives up a held page without caching it. */
  drop(index: number): void {
    this.#held.delete(index);
  }

  /** Offset in page `index` up to which it is committed. */
  limit(index: number): number {
    const { geometry } = this.location;
    const committed = this.#committed.length - geometry.pageStart(index);
    return Math.max(0, Math.min(geometry.pageBytes, committed));
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
   * A page that is filled as far as it is committed: at once if it is in memory.
   * @throws {StreamFileError} `io` or `damaged`
   */
  get(index: number): Page | Promise<Page> {
    const inMemory = this.inMemory(index);
    if (inMemory) return inMemory;
    let loading = this.#loading.get(index);
    if (!loading) {
      loading = this.#load(index).finally(() => this.#loading.delete(index));
      this.#loading.set(index, loading);
    }
    return loading;
  }

  /** Resolves when no page is being loaded any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#loading.values());
  }

  async #load(index: number): Promise<Page> {
    const { path, geometry } = this.location;
    for (;;) {
      const generation = this.#generation;
      const limit = this.limit(index);
      const page = this.#cached.get(index) ?? new Page(index, new Uint8Array(geometry.pageBytes));
      const from = page.filled;
      const offset = geometry.pageStart(index) + from;
      const count = await this.#file
        .read(offset, page.bytes.subarray(from, limit))
        .catch((error: unknown) => {
          throw ioError(path, `reading ${limit - from} bytes at offset ${offset}`, error);
        });
      const held = this.#held.get(index);
      if (held) return held;
      if (generation !== this.#generation) continue;
      if (count < limit - from) {
        throw new StreamFileError(
          'damaged',
          `${path}: the file ends at offset ${offset + count}, within the stream`,
        );
      }
      page.filled = limit;
      if (limit === geometry.pageBytes) this.#check(page);
      this.#cache(page);
      if (limit >= this.limit(index)) return page;
    }
  }

  /** Compares a full page with the directory, or puts it there if it is new to it. */
  #check(page: Page): void {
    const row = this.directory.row(page.index);
    if (row) page.verify(row, this.location);
    else if (page.index < this.#cuttingFrom) this.directory.put(page.index, page.row(this.location));
  }

  #cache(page: Page): void {
    this.#cached.delete(page.index);
    this.#cached.set(page.index, page);
    for (const index of this.#cached.keys()) {
      if (this.#cached.size <= this.#cacheCount) break;
      this.#cached.delete(index);
    }
  }
}
