/**
 * Packets: what a server sends to a client, told apart by their first byte.
 *
 *   0xff  result          0x01  header entry
 *   0x02  streamed entry  0xfe  entry that answers a query
 *
 * 3 to 6 are kept for extensions. Streamed entries that arrive together are one frame, so that they can be passed on
 * without being looked at one by one.
 */
import { readU32, readU64 } from './bytes.js';
import {
  ANSWER_PACKET,
  ENTRY_BYTES_MAX,
  ENTRY_HEAD_BYTES,
  ENTRY_PACKET,
  entryAt,
  entryLengthAt,
  type Entry,
} from './data-entry.js';
import { CodecError } from './errors.js';
import type { Grammar } from './frame-decoder.js';
import { decodeHeader, HEADER_BYTES, HEADER_PACKET, type Header } from './header-entry.js';
import {
  decodeResult,
  RESULT_HEAD_BYTES,
  RESULT_PACKET,
  RESULT_TEXT_BYTES_MAX,
  type Result,
} from './result.js';

/** Consecutive entries as they stand in the file and on the wire. */
export interface EntryBatch {
  /** The entries back to back: a view, valid as long as nobody writes to the buffer behind it. */
  readonly bytes: Uint8Array;
  /** Number of the first entry. A u64. */
  readonly firstEntry: bigint;
  /** How many entries there are: at least 1. */
  readonly count: number;
}

/** A header, an answer or streamed entries from a server. */
export type ServerPacket =
  | Result
  | { readonly kind: 'header'; readonly header: Header }
  | { readonly kind: 'answer'; readonly entry: Entry }
  | { readonly kind: 'entries'; readonly batch: EntryBatch };

/** The entries of a batch, one after the other. Their data are views into the batch. */
export function* entriesOf(batch: EntryBatch): Generator<Entry, void, undefined> {
  for (let at = 0; at < batch.bytes.length; at += entryLengthAt(batch.bytes, at))
    yield entryAt(batch.bytes, at);
}

/**
 * The batch that `bytes` are, from the first to the last byte.
 * @throws {CodecError} `unknown-packet`, `packet-length` or `sequence` if they are not whole, consecutive entries.
 */
export function entryBatch(bytes: Uint8Array): EntryBatch {
  let count = 0;
  let previous = 0;
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== ENTRY_PACKET || bytes.length - at < ENTRY_HEAD_BYTES) {
      throw new CodecError('unknown-packet', `no entry starts at byte ${at} of a batch of ${bytes.length}`);
    }
    if (count > 0 && !isNextNumber(bytes, previous, at)) {
      throw new CodecError(
        'sequence',
        `entry ${readU64(bytes, at + 9)} follows entry ${readU64(bytes, previous + 9)}`,
      );
    }
    previous = at;
    count++;
    at += entryLength(bytes, at);
  }
  if (count === 0 || at !== bytes.length) {
    throw new CodecError(
      'packet-length',
      `a batch of ${bytes.length} bytes does not end with an entry's end`,
    );
  }
  return { bytes, firstEntry: readU64(bytes, 9), count };
}

/** The grammar of what a server sends to its clients. Errors: `unknown-packet`, `packet-length`, `sequence`. */
export const serverPackets: Grammar<ServerPacket> = {
  measure(bytes, at, end) {
    switch (bytes[at]) {
      case ENTRY_PACKET:
        return measureEntries(bytes, at, end);
      case ANSWER_PACKET:
        return end - at < ENTRY_HEAD_BYTES ? 0 : entryLength(bytes, at);
      case HEADER_PACKET:
        return HEADER_BYTES;
      case RESULT_PACKET:
        return measureResult(bytes, at, end);
      default:
        throw new CodecError('unknown-packet', `no packet starts with byte 0x${bytes[at]!.toString(16)}`);
    }
  },
  decode(bytes, at, length) {
    switch (bytes[at]) {
      case ENTRY_PACKET:
        return { kind: 'entries', batch: entryBatch(bytes.subarray(at, at + length)) };
      case ANSWER_PACKET:
        return { kind: 'answer', entry: entryAt(bytes, at) };
      case HEADER_PACKET:
        return { kind: 'header', header: decodeHeader(bytes, at) };
      default:
        return decodeResult(bytes, at, length);
    }
  },
};

/** Bytes of the result at `at`, or 0 while too few are there to tell. */
export function measureResult(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 5) return 0;
  const length = readU32(bytes, at + 1);
  if (length < RESULT_HEAD_BYTES || length > RESULT_HEAD_BYTES + RESULT_TEXT_BYTES_MAX) {
    throw new CodecError(
      'packet-length',
      `a result of ${length} bytes: expected ${RESULT_HEAD_BYTES} to ${RESULT_HEAD_BYTES + RESULT_TEXT_BYTES_MAX}`,
    );
  }
  return length;
}

/** All complete entries in `bytes[at..end)`, or the first one alone if it is not complete. */
function measureEntries(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < ENTRY_HEAD_BYTES) return 0;
  const first = entryLength(bytes, at);
  let next = at + first;
  while (end - next >= ENTRY_HEAD_BYTES && bytes[next] === ENTRY_PACKET) {
    const length = entryLengthAt(bytes, next);
    // An impossible length is the error of the frame after this one.
    if (!isEntryLength(length) || next + length > end) break;
    next += length;
  }
  return next - at;
}

function entryLength(bytes: Uint8Array, at: number): number {
  const length = entryLengthAt(bytes, at);
  if (!isEntryLength(length)) {
    throw new CodecError(
      'packet-length',
      `entry ${readU64(bytes, at + 9)} declares ${length} bytes: expected ${ENTRY_HEAD_BYTES} to ${ENTRY_BYTES_MAX}`,
    );
  }
  return length;
}

/** Whether the entry at `at` has the number after that of the entry at `previous`, exactly, over all of u64. */
function isNextNumber(bytes: Uint8Array, previous: number, at: number): boolean {
  const low = (readU32(bytes, previous + 13) + 1) >>> 0;
  const carry = low === 0 ? 1 : 0;
  return readU32(bytes, at + 13) === low && readU32(bytes, at + 9) === readU32(bytes, previous + 9) + carry;
}

function isEntryLength(length: number): boolean {
  return length >= ENTRY_HEAD_BYTES && length <= ENTRY_BYTES_MAX;
}
