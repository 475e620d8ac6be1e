/**
 * Unsigned big-endian integers and ASCII in byte arrays.
 *
 * Plain shifts on `Uint8Array` rather than `DataView` or `Buffer`: they run in every environment and allocate nothing.
 * A loop over many integers is better off with one `DataView`.
 */
import { CodecError } from './errors.js';

const TWO_POW_32 = 0x1_0000_0000;
const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** The u32 at `at`. The caller has checked that four bytes are there. */
export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** The u64 at `at`, exactly. The caller has checked that eight bytes are there. */
export function readU64(bytes: Uint8Array, at: number): bigint {
  const high = readU32(bytes, at);
  const low = readU32(bytes, at + 4);
  return high < 0x20_0000 ? BigInt(high * TWO_POW_32 + low) : (BigInt(high) << 32n) | BigInt(low);
}

/**
 * The u64 at `at` as a number, for values that are entry numbers or file offsets of a real stream.
 * Above 2^53 - 1 the result is rounded, so compare it with a safe number or check it with `Number.isSafeInteger`.
 */
export function readU64AsNumber(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) * TWO_POW_32 + readU32(bytes, at + 4);
}

/** Writes a u32; `value` must be an integer from 0 to 2^32 - 1. */
export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Writes a u64 given as a non-negative safe integer. */
export function writeU64Number(bytes: Uint8Array, at: number, value: number): void {
  writeU32(bytes, at, Math.floor(value / TWO_POW_32));
  // Of what does not fit `writeU32` writes the low 32 bits, which takes less time than a remainder.
  writeU32(bytes, at + 4, value);
}

/**
 * Writes a u64.
 * @throws {CodecError} `out-of-range` if `value` is negative or over 2^64 - 1, or no bigint.
 */
export function writeU64(bytes: Uint8Array, at: number, value: bigint): void {
  if (typeof value !== 'bigint') {
    throw new CodecError('out-of-range', `${String(value)} is not a bigint, as a u64 has to be`);
  }
  if (value < 0n || value > U64_MAX) {
    throw new CodecError('out-of-range', `${value} is not a u64: expected 0 to ${U64_MAX}`);
  }
  writeU32(bytes, at, Number(value >> 32n));
  writeU32(bytes, at + 4, Number(value & 0xffff_ffffn));
}

/** Text as ASCII bytes; characters outside of printable ASCII become `?`. */
export function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => {
    const code = character.charCodeAt(0);
    return character.length === 1 && code >= 0x20 && code < 0x7f ? code : 0x3f;
  });
}

/** ASCII bytes as text; bytes outside of printable ASCII become `?`, so the text is safe to print. */
export function asciiText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?';
  return text;
}

/** Whether two byte arrays hold the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A copy of `bytes[from..to)`. A `Buffer`'s own `slice` would be a view. */
export function copyOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.subarray(from, to));
}
