/**
 * Checksums of operations, and of all the bytes of a commit, from one look at each byte.
 *
 * CRC-32 is linear: the checksum of two parts behind one another follows from those of the parts and the length of the
 * second. So the checksum of a commit is joined from those of its operations.
 */
import { crc32 } from 'node:zlib';

import type { Page } from '../pages/page.js';

/** Bytes below which tables in JavaScript are faster than a call into native code. */
const SMALL_BYTES = 320;
const POLYNOMIAL = 0xedb8_8320;

/** Eight tables of 256 words: what each byte of a word of eight adds to the checksum. */
const byteTables = makeByteTables();
/** Number 16 n + d: what d * 16^n zero bytes behind it make of a checksum, as four tables of 256 words, one for each of its bytes. */
const zeroTables: Int32Array[] = [];

/** Sums up pages, operation by operation. */
export class Checksums {
  /** CRC-32 of all bytes so far, padding included. */
  data = 0;
  /** CRC-32 of the entries of each operation that has ended, padding left out. */
  readonly operations: number[] = [];
  /** As `operations`, of the one that has not ended. */
  #operation = 0;

  /** Adds a page's bytes, between two offsets in the page: entries of the operation that has not ended, and padding. */
  add(page: Page, from: number, to: number): void {
    const end = Math.min(to, page.filled);
    if (from < end) {
      const crc = page.sumUp(from, end);
      this.#operation = joinedCrc(this.#operation, crc, end - from);
      this.data = joinedCrc(this.data, crc, end - from);
    }
    if (end < to) this.data = joinedCrc(this.data, crcOf(page.view, end, to), to - end);
  }

  endOperation(): void {
    this.operations.push(this.#operation);
    this.#operation = 0;
  }
}

/** CRC-32 of the bytes from `from` to `to`. */
export function crcOf(view: DataView, from: number, to: number): number {
  if (to - from >= SMALL_BYTES) return crc32(new Uint8Array(view.buffer, view.byteOffset + from, to - from));
  const tables = byteTables;
  let crc = -1;
  let at = from;
  for (; at + 8 <= to; at += 8) {
    const low = crc ^ view.getInt32(at, true);
    const high = view.getInt32(at + 4, true);
    crc =
      tables[1792 + (low & 255)]! ^
      tables[1536 + ((low >>> 8) & 255)]! ^
      tables[1280 + ((low >>> 16) & 255)]! ^
      tables[1024 + (low >>> 24)]! ^
      tables[768 + (high & 255)]! ^
      tables[512 + ((high >>> 8) & 255)]! ^
      tables[256 + ((high >>> 16) & 255)]! ^
      tables[high >>> 24]!;
  }
  for (; at < to; at++) crc = tables[(crc ^ view.getUint8(at)) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

export function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** CRC-32 of two parts from that of the first, that of the second, and the bytes that the second one has. */
export function joinedCrc(first: number, second: number, secondBytes: number): number {
  return (crcBehindZeros(first, secondBytes) ^ second) >>> 0;
}

/**
 * CRC-32 of bytes of which some were replaced by as many others.
 * @param bytesBehind how many bytes stand behind the replaced ones
 */
export function replacedCrc(crc: number, old: number, replacement: number, bytesBehind: number): number {
  return (crc ^ crcBehindZeros((old ^ replacement) >>> 0, bytesBehind)) >>> 0;
}

function crcBehindZeros(first: number, zeros: number): number {
  if (first === 0) return 0;
  let crc = first;
  let left = zeros;
  for (let digit = 0; left > 0; digit++) {
    const nth = 16 * digit + (left % 16);
    if (left % 16 > 0) crc = applied(zeroTable(nth), crc);
    left = Math.floor(left / 16);
  }
  return crc >>> 0;
}

function applied(tables: Int32Array, crc: number): number {
  return (
    tables[crc & 255]! ^
    tables[256 + ((crc >>> 8) & 255)]! ^
    tables[512 + ((crc >>> 16) & 255)]! ^
    tables[768 + (crc >>> 24)]!
  );
}

/** So many zero bytes are one behind one less, or half as many behind as many. */
function makeZeroTable(nth: number): Int32Array {
  const [first, second] = nth % 16 === 1 ? [nth - 9, nth - 9] : [nth - 1, nth - (nth % 16) + 1];
  const tables = new Int32Array(1024);
  for (let byte = 0; byte < 4; byte++) {
    for (let value = 0; value < 256; value++) {
      const crc = value << (8 * byte);
      tables[256 * byte + value] =
        nth === 1
          ? byteTables[crc & 255]! ^ (crc >>> 8)
          : applied(zeroTable(second), applied(zeroTable(first), crc));
    }
  }
  zeroTables[nth] = tables;
  return tables;
}

function zeroTable(nth: number): Int32Array {
  return zeroTables[nth] ?? makeZeroTable(nth);
}

function makeByteTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let value = 0; value < 256; value++) {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[value] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const crc = tables[at - 256]!;
    tables[at] = tables[crc & 255]! ^ (crc >>> 8);
  }
  return tables;
}
