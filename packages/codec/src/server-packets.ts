/**
 * Packets: what a server sends to a client, told apart by their first byte.
 *
 *   0xff  result          0x01  header entry
 *   0x02  streamed entry  0xfe  entry that answers a query
 *
 * 3 to 6 are kept for extensions. Streamed entries that arrive together are one frame, so that they can be passed on
 * without being looked at one by one.
 */
import { readU32 } from './bytes.js';
import { ANSWER_PACKET, ENTRY_HEAD_BYTES, ENTRY_PACKET, entryAt, type Entry } from './data-entry.js';
import { checkEntryLength, leadingEntries, type EntryBatch } from './entry-batch.js';
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

/** A header, an answer or streamed entries from a server. */
export type ServerPacket =
  | Result
  | { readonly kind: 'header'; readonly header: Header }
  | { readonly kind: 'answer'; readonly entry: Entry }
  | { readonly kind: 'entries'; readonly batch: EntryBatch };

/** The grammar of what a server sends to its clients. Errors: `unknown-packet`, `packet-length`. */
export const serverPackets: Grammar<ServerPacket> = {
  measure(bytes, at, end) {
    switch (bytes[at]) {
      case ENTRY_PACKET:
      case ANSWER_PACKET:
        return end - at < ENTRY_HEAD_BYTES ? 0 : checkEntryLength(bytes, at);
      case HEADER_PACKET:
        return HEADER_BYTES;
      case RESULT_PACKET:
        return measureResult(bytes, at, end);
      default:
        throw new CodecError('unknown-packet', `no packet starts with byte 0x${bytes[at]!.toString(16)}`);
    }
  },
  decode(bytes, at, length, end) {
    switch (bytes[at]) {
      case ENTRY_PACKET:
        return { kind: 'entries', batch: leadingEntries(bytes, at, end) };
      case ANSWER_PACKET:
        return { kind: 'answer', entry: entryAt(bytes, at) };
      case HEADER_PACKET:
        return { kind: 'header', header: decodeHeader(bytes, at) };
      default:
        return decodeResult(bytes, at, length);
    }
  },
  extent: (packet) => (packet.kind === 'entries' ? packet.batch.bytes.length : undefined),
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
