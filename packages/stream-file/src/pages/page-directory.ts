/**
 * The page directory, `NAME.bin.pages`: what each full page holds, so that an entry is found, and its bytes are verified,
 * without reading the page.
 *
 *   header row  [0..8) ASCII "DSPAGES1", [8..12) u32 pageBytes, [12..20) u64 session, [1020..1024) u32 CRC-32 of the rest
 *   row k + 1   [0..8) u64 firstEntry, [8..12) u32 entries, [12..16) u32 end of the entries in the page,
 *               [16..20) u32 blocks (1 to 64), then each block: u32 offset in the page, u32 entries before it in the page,
 *               u32 CRC-32 of the bytes up to the next block or the end; [1020..1024) u32 CRC-32 of the rest
 *
 * Rows have 1,024 bytes: a thousandth of what they describe. A block is at least a 64th of a page, so an entry that is
 * asked for costs the reading of 16 KiB or of itself. The directory is derived: a row that is missing or torn is made anew
 * from the page. It belongs to the file only while both have the same session, a random number that is renewed whenever
 * the file is opened or cut; so neither a file put back from a backup nor one that was cut in a crash meets stale rows.
 */
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

import {
  asciiBytes,
  asciiText,
  readU32,
  readU64,
  readU64AsNumber,
  writeU32,
  writeU64,
  writeU64Number,
} from '@ds/codec';

import type { Disk, DiskFile } from '../disk/disk.js';
import { directoryPath } from '../paths.js';
import type { Geometry } from './geometry.js';

/** Some of a page's entries, back to back. */
export interface Block {
  /** Offset in the page of the first one. */
  readonly offset: number;
  /** Number of the first one, less the number of the page's first. */
  readonly entriesBefore: number;
  /** CRC-32 of the bytes up to the next block. */
  readonly crc: number;
}

/** What a full page holds. */
export interface PageRow {
  readonly firstEntry: number;
  readonly entries: number;
  /** Offset in the page behind its last entry. */
  readonly end: number;
  readonly blocks: readonly Block[];
}

/** What full pages hold, as far as that is known. */
export interface PageRows {
  /** What page `index` holds, if that is known. */
  row(index: number): PageRow | undefined;
  /** Takes note of what page `index` holds. */
  put(index: number, row: PageRow): void;
}

/** Bytes of a row, and of the header row. */
export const ROW_BYTES = 1024;
const ROW_CRC_AT = ROW_BYTES - 4;
const BLOCKS_AT = 20;
const BLOCK_BYTES = 12;
const BLOCKS_MAX = 64;
const MAGIC = 'DSPAGES1';
/** Rows kept in memory. */
const CACHED_ROWS = 1024;

/** How long a block is at least, in pages of this size. */
export function blockBytesMin(pageBytes: number): number {
  return Math.ceil(pageBytes / BLOCKS_MAX);
}

/** A session that no file had before. */
export function newSession(): bigint {
  return randomBytes(8).readBigUInt64BE();
}

export class PageDirectory implements PageRows {
  readonly #file: DiskFile;
  readonly #geometry: Geometry;
  readonly #cached = new Map<number, PageRow>();
  readonly #writing = new Map<number, PageRow>();
  #flushing: Promise<void> | undefined;
  /** A write has failed: the directory is not used any more, and is made anew next time. */
  #isBroken = false;

  private constructor(file: DiskFile, geometry: Geometry) {
    this.#file = file;
    this.#geometry = geometry;
  }

  /** Opens the directory of the file at `path`. Unless it belongs to `session`, the file's last one, it is emptied. */
  static async open(
    disk: Disk,
    path: string,
    geometry: Geometry,
    session: bigint | undefined,
  ): Promise<PageDirectory> {
    const file = await openOrCreate(disk, directoryPath(path));
    try {
      const header = new Uint8Array(ROW_BYTES);
      await file.read(0, header);
      if (!belongsTo(header, geometry, session)) file.resizeSync(0);
      return new PageDirectory(file, geometry);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** What page `index` holds, if that is known. */
  row(index: number): PageRow | undefined {
    const known = this.#writing.get(index) ?? this.#cached.get(index);
    if (known || this.#isBroken) return known;
    const bytes = new Uint8Array(ROW_BYTES);
    try {
      if (this.#file.readSync(rowAt(index), bytes) < ROW_BYTES || !isWhole(bytes)) return undefined;
    } catch {
      this.#break();
      return undefined;
    }
    const row = decodeRow(bytes);
    this.#cache(index, row);
    return row;
  }

  /** Remembers what page `index` holds. It is written in the background. */
  put(index: number, row: PageRow): void {
    if (this.#isBroken) return;
    this.#writing.set(index, row);
    this.#flushing ??= this.#flush();
  }

  /** Forgets one page, durably. */
  async forget(index: number): Promise<void> {
    await this.#settled();
    this.#cached.delete(index);
    await this.#file.write(rowAt(index), new Uint8Array(ROW_BYTES));
    await this.#file.sync();
  }

  /**
   * Forgets all pages from `index` on, and belongs to `session` from now on, both durably. Should it fail, it belongs to
   * no session that the file will have.
   */
  async cut(index: number, session: bigint): Promise<void> {
    await this.#settled();
    for (const cached of this.#cached.keys()) if (cached >= index) this.#cached.delete(cached);
    try {
      if ((await this.#file.size()) > rowAt(index)) this.#file.resizeSync(rowAt(index));
      await this.#file.write(0, encodeHeader(this.#geometry.pageBytes, session));
      await this.#file.sync();
    } catch {
      this.#break();
    }
  }

  async close(): Promise<void> {
    await this.#settled();
    await this.#file.close();
  }

  #break(): void {
    this.#isBroken = true;
    this.#cached.clear();
    this.#writing.clear();
  }

  async #settled(): Promise<void> {
    while (this.#flushing) await this.#flushing;
  }

  async #flush(): Promise<void> {
    try {
      while (this.#writing.size > 0) {
        for (const [index, row] of this.#writing) {
          await this.#file.write(rowAt(index), encodeRow(row));
          // It may have been put again meanwhile, behind where this loop looks.
          if (this.#writing.get(index) !== row) continue;
          this.#writing.delete(index);
          this.#cache(index, row);
        }
      }
    } catch {
      this.#break();
    }
    this.#flushing = undefined;
  }

  #cache(index: number, row: PageRow): void {
    this.#cached.delete(index);
    this.#cached.set(index, row);
    for (const oldest of this.#cached.keys()) {
      if (this.#cached.size <= CACHED_ROWS) break;
      this.#cached.delete(oldest);
    }
  }
}

/** Whether the directory with this header row belongs to the file with that session. */
export function belongsTo(header: Uint8Array, geometry: Geometry, session: bigint | undefined): boolean {
  return (
    isWhole(header) &&
    asciiText(header.subarray(0, MAGIC.length)) === MAGIC &&
    readU32(header, 8) === geometry.pageBytes &&
    readU64(header, 12) === session
  );
}

/** Offset in the directory of the row of page `index`. */
export function rowAt(index: number): number {
  return (index + 1) * ROW_BYTES;
}

function encodeHeader(pageBytes: number, session: bigint): Uint8Array {
  const bytes = new Uint8Array(ROW_BYTES);
  bytes.set(asciiBytes(MAGIC));
  writeU32(bytes, 8, pageBytes);
  writeU64(bytes, 12, session);
  return sealed(bytes);
}

function encodeRow({ firstEntry, entries, end, blocks }: PageRow): Uint8Array {
  const bytes = new Uint8Array(ROW_BYTES);
  writeU64Number(bytes, 0, firstEntry);
  writeU32(bytes, 8, entries);
  writeU32(bytes, 12, end);
  writeU32(bytes, 16, blocks.length);
  for (const [number, block] of blocks.entries()) {
    const at = BLOCKS_AT + number * BLOCK_BYTES;
    writeU32(bytes, at, block.offset);
    writeU32(bytes, at + 4, block.entriesBefore);
    writeU32(bytes, at + 8, block.crc);
  }
  return sealed(bytes);
}

export function decodeRow(bytes: Uint8Array): PageRow {
  const count = Math.min(readU32(bytes, 16), BLOCKS_MAX);
  return {
    firstEntry: readU64AsNumber(bytes, 0),
    entries: readU32(bytes, 8),
    end: readU32(bytes, 12),
    blocks: Array.from({ length: count }, (_, number) => {
      const at = BLOCKS_AT + number * BLOCK_BYTES;
      return {
        offset: readU32(bytes, at),
        entriesBefore: readU32(bytes, at + 4),
        crc: readU32(bytes, at + 8),
      };
    }),
  };
}

function sealed(bytes: Uint8Array): Uint8Array {
  writeU32(bytes, ROW_CRC_AT, crc32(bytes.subarray(0, ROW_CRC_AT)));
  return bytes;
}

/** A row of zeros, of a page that nobody has described, is none. */
export function isWhole(bytes: Uint8Array): boolean {
  return (
    readU32(bytes, ROW_CRC_AT) === crc32(bytes.subarray(0, ROW_CRC_AT)) && bytes.some((byte) => byte !== 0)
  );
}

async function openOrCreate(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return disk.create(path);
  }
}
