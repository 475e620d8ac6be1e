/**
 * The page directory of a file that another process may be writing: read, never written, and left alone if it does not
 * belong to the file as it is.
 */
import type { DiskFile, ReadableDisk } from '../disk/disk.js';
import { directoryPath } from '../paths.js';
import type { Geometry } from './geometry.js';
import {
  belongsTo,
  decodeRow,
  isWhole,
  ROW_BYTES,
  rowAt,
  type PageRow,
  type PageRows,
} from './page-directory.js';

export class StoredRows implements PageRows {
  readonly #file: DiskFile | undefined;

  private constructor(file: DiskFile | undefined) {
    this.#file = file;
  }

  /** Opens the directory of the file at `path`, if there is one that belongs to `session`. */
  static async open(
    disk: ReadableDisk,
    path: string,
    geometry: Geometry,
    session: bigint | undefined,
  ): Promise<StoredRows> {
    if (session === undefined) return new StoredRows(undefined);
    let file: DiskFile | undefined;
    try {
      file = await disk.openReadOnly(directoryPath(path));
      const header = new Uint8Array(ROW_BYTES);
      await file.read(0, header);
      if (belongsTo(header, geometry, session)) return new StoredRows(file);
    } catch {
      // It is derived, and can be done without.
    }
    await file?.close();
    return new StoredRows(undefined);
  }

  /** Whether there is one. */
  get isThere(): boolean {
    return this.#file !== undefined;
  }

  row(index: number): PageRow | undefined {
    const bytes = this.#read(index);
    return bytes && isWhole(bytes) ? decodeRow(bytes) : undefined;
  }

  /** Whether the row of page `index` is there, and not what was written. */
  isDamaged(index: number): boolean {
    const bytes = this.#read(index);
    return bytes !== undefined && !isWhole(bytes) && bytes.some((byte) => byte !== 0);
  }

  /** Nothing is kept: the writer of the file does that. */
  put(): void {}

  async close(): Promise<void> {
    await this.#file?.close();
  }

  #read(index: number): Uint8Array | undefined {
    const bytes = new Uint8Array(ROW_BYTES);
    try {
      return this.#file && this.#file.readSync(rowAt(index), bytes) === ROW_BYTES ? bytes : undefined;
    } catch {
      return undefined;
    }
  }
}
