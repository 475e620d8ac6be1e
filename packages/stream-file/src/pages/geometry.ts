/**
 * Where things stand in a stream file: a header page of 4,096 bytes, then pages of 1 MiB each.
 *
 * Tests use smaller pages, so that boundaries come quickly; every program uses the format's own size.
 */
import { ENTRY_BYTES_MAX } from '@ds/codec';

/** Bytes of the header page; the first data page starts behind it. */
export const HEADER_PAGE_BYTES = 4096;
/** Bytes of a data page: an entry can fill one, and never crosses into the next. */
export const PAGE_BYTES = ENTRY_BYTES_MAX;

/** Translates between offsets in the file and pages. */
export class Geometry {
  readonly pageBytes: number;

  constructor(pageBytes = PAGE_BYTES) {
    this.pageBytes = pageBytes;
  }

  /** Index of the page that the byte at `offset` belongs to. */
  pageOf(offset: number): number {
    return Math.floor((offset - HEADER_PAGE_BYTES) / this.pageBytes);
  }

  /** Offset in the file of a page's first byte. */
  pageStart(page: number): number {
    return HEADER_PAGE_BYTES + page * this.pageBytes;
  }

  /** Offset within its page of the byte at `offset`. */
  offsetInPage(offset: number): number {
    return (offset - HEADER_PAGE_BYTES) % this.pageBytes;
  }

  /** Whether a file of `bytes` ends with a whole page. */
  isOnGrid(bytes: number): boolean {
    return bytes >= HEADER_PAGE_BYTES && this.offsetInPage(bytes) === 0;
  }

  /** Smallest size of a file, in whole pages, that holds `length` bytes. */
  gridSize(length: number): number {
    return this.pageStart(Math.ceil((length - HEADER_PAGE_BYTES) / this.pageBytes));
  }
}
