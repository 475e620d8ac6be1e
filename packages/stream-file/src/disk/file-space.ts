/**
 * The room that a file has: grown ahead of need, in whole pages, and always zeros behind what is in use.
 *
 * All changes of the file's size go through here, at once, so that none of them can overtake another.
 */
import { MORE_PAGES } from '../opening/creation.js';
import type { Geometry } from '../pages/geometry.js';
import type { DiskFile } from './disk.js';

export class FileSpace {
  readonly #file: DiskFile;
  readonly #geometry: Geometry;
  #size: number;

  /** `size` is the file's, in bytes. */
  constructor(file: DiskFile, geometry: Geometry, size: number) {
    this.#file = file;
    this.#geometry = geometry;
    this.#size = size;
  }

  /** Makes room for the stream up to `length`. Takes no blocks of the disk. */
  ensure(length: number): void {
    if (length <= this.#size) return;
    this.#resize(this.#geometry.gridSize(length) + MORE_PAGES * this.#geometry.pageBytes);
  }

  /** Zeroes everything behind `length`. The size becomes a whole number of pages, and does not shrink. */
  wipe(length: number): void {
    const size = this.#geometry.gridSize(Math.max(this.#size, length));
    const pageEnd = this.#geometry.gridSize(length);
    const rest = new Uint8Array(pageEnd - length);
    this.#file.readSync(length, rest);
    const dirtyBytes = rest.findLastIndex((byte) => byte !== 0) + 1;
    if (dirtyBytes > 0) this.#file.writeSync(length, new Uint8Array(dirtyBytes));
    // What is cut off and added again reads as zeros.
    if (this.#size > pageEnd) this.#resize(pageEnd);
    if (this.#size < size) this.#resize(size);
  }

  #resize(bytes: number): void {
    this.#file.resizeSync(bytes);
    this.#size = bytes;
  }
}
