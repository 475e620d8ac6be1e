/**
 * Data entries: what a stream consists of, in the file and, byte for byte the same, on the wire.
 *
 *   [0]       u8   packetType = 2 (0xfe when the entry answers a query)
 *   [1..5)    u32  length     = 17 + data
 *   [5..9)    u32  entryType
 *   [9..17)   u64  entryNumber
 *   [17..)    u8[] data
 */
import { readU32, readU64, readU64AsNumber, writeU32, writeU64, writeU64Number } from './bytes.js';
import { CodecError } from './errors.js';

/** First byte of a data entry in the file and in a stream. */
export const ENTRY_PACKET = 0x02;
/** First byte of a data entry that answers an Entry or Bookmark command. */
export const ANSWER_PACKET = 0xfe;
/** Bytes of an entry before its data. */
export const ENTRY_HEAD_BYTES = 17;
/** Largest entry, head included: one page of the file, 1 MiB. */
export const ENTRY_BYTES_MAX = 0x10_0000;
/** Largest data of an entry: 1,048,559 bytes. */
export const ENTRY_DATA_BYTES_MAX = ENTRY_BYTES_MAX - ENTRY_HEAD_BYTES;
/** Type of an entry whose data is a bookmark's key. */
export const BOOKMARK_ENTRY_TYPE = 0xb0;
/** Type of the answer to an Entry or Bookmark command that found nothing. */
export const NOT_FOUND_ENTRY_TYPE = 0xffff_ffff;
/** Longest bookmark key; the shortest has 1 byte. */
export const BOOKMARK_BYTES_MAX = 16;

/** One entry of a stream. */
export interface Entry {
  /** What the data is, as the application numbers it; `0xb0` is a bookmark. A u32. */
  readonly type: number;
  /** Place in the stream, counted from 0 without gaps. A u64. */
  readonly number: bigint;
  /** 0 to 1,048,559 bytes. */
  readonly data: Uint8Array;
}

/** Bytes of a whole entry, head included, that stands at `at`. */
export function entryLengthAt(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 1);
}

/** Type of the entry that stands at `at`. */
export function entryTypeAt(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 5);
}

/** Number of the entry that stands at `at`; rounded above 2^53 - 1, which no real stream reaches. */
export function entryNumberAt(bytes: Uint8Array, at: number): number {
  return readU64AsNumber(bytes, at + 9);
}

/** The entry that stands at `at`. Its data is a view into `bytes`. */
export function entryAt(bytes: Uint8Array, at: number): Entry {
  const { buffer, byteOffset } = bytes;
  return {
    type: entryTypeAt(bytes, at),
    number: readU64(bytes, at + 9),
    // Never a `Buffer`, whose `slice` would copy nothing.
    data: new Uint8Array(
      buffer,
      byteOffset + at + ENTRY_HEAD_BYTES,
      entryLengthAt(bytes, at) - ENTRY_HEAD_BYTES,
    ),
  };
}

/** Bytes up to which copying one by one is faster than making a view. */
const COPIED_SINGLY = 32;

/**
 * Writes an entry at `at`, where room for it must be. `number` is a safe integer. Its data stand in `data[from..to)`.
 * Returns the offset behind it.
 */
export function writeEntry(
  bytes: Uint8Array,
  at: number,
  type: number,
  number: number,
  data: Uint8Array,
  from = 0,
  to = data.length,
): number {
  const length = ENTRY_HEAD_BYTES + to - from;
  const dataAt = at + ENTRY_HEAD_BYTES;
  bytes[at] = ENTRY_PACKET;
  writeU32(bytes, at + 1, length);
  writeU32(bytes, at + 5, type);
  writeU64Number(bytes, at + 9, number);
  if (to - from <= COPIED_SINGLY) for (let i = from; i < to; i++) bytes[dataAt + i - from] = data[i]!;
  else bytes.set(to - from === data.length ? data : data.subarray(from, to), dataAt);
  return at + length;
}

/**
 * An entry as bytes of its own.
 * @throws {CodecError} `entry-too-large` or `out-of-range`.
 */
export function encodeEntry(
  entry: Entry,
  packetType: typeof ENTRY_PACKET | typeof ANSWER_PACKET = ENTRY_PACKET,
): Uint8Array {
  checkEntry(entry.type, entry.data);
  const bytes = new Uint8Array(ENTRY_HEAD_BYTES + entry.data.length);
  writeEntry(bytes, 0, entry.type, 0, entry.data);
  writeU64(bytes, 9, entry.number);
  bytes[0] = packetType;
  return bytes;
}

/** The answer to an Entry or Bookmark command that found nothing: 17 bytes. */
export function encodeNotFound(): Uint8Array {
  return encodeEntry({ type: NOT_FOUND_ENTRY_TYPE, number: 0n, data: new Uint8Array(0) }, ANSWER_PACKET);
}

/**
 * Refuses what cannot become an entry.
 * @throws {CodecError} `entry-too-large` when an entry with this data would cross a page, `out-of-range` when the type is not a u32.
 */
export function checkEntry(type: number, data: Uint8Array): void {
  if (data.length > ENTRY_DATA_BYTES_MAX) {
    throw new CodecError(
      'entry-too-large',
      `an entry of type ${type} with ${data.length} bytes of data does not fit a page: at most ${ENTRY_DATA_BYTES_MAX} bytes`,
    );
  }
  if (!Number.isInteger(type) || type < 0 || type > 0xffff_ffff) {
    throw new CodecError('out-of-range', `entry type ${type} is not a u32`);
  }
}

/**
 * Refuses what cannot be asked for as a bookmark.
 * @throws {CodecError} `bookmark-length` unless the key has 1 to 16 bytes.
 */
export function checkBookmark(key: Uint8Array): void {
  checkBookmarkLength(key.length);
}

/** As `checkBookmark`, for a length that was declared by a peer. */
export function checkBookmarkLength(length: number): void {
  if (length < 1 || length > BOOKMARK_BYTES_MAX) {
    throw new CodecError(
      'bookmark-length',
      `a bookmark of ${length} bytes: expected 1 to ${BOOKMARK_BYTES_MAX}`,
    );
  }
}
