/**
 * Messages: what a source sends to a server. All start `u64 message, u64 streamType`; all integers big-endian.
 *
 *   OpenSource         256  u64 protocolVersion = 1, u64 systemId, u64 epoch, u32 tokenLength, u8[] token
 *   StartAtomicOp      257  u64 expectedEntry (all ones: any)
 *   AddStreamEntry     258  u32 entryType, u32 dataLength, u8[] data
 *   AddStreamBookmark  259  u32 length (1 to 16), u8[] bookmark
 *   CommitAtomicOp     260
 *   RollbackAtomicOp   261
 *   TruncateFile       262  u64 entryNumber
 *   UpdateEntryData    263  u64 entryNumber, u32 entryType, u32 dataLength, u8[] data
 *   Header             264
 *
 * The server answers with results, each OK result followed by the header entry.
 */
import { copyOf, readU32, readU64, writeU32, writeU64 } from './bytes.js';
import { COMMAND_HEAD_BYTES, commandHead, commandNumberAt } from './client-commands.js';
import { checkBookmark, checkBookmarkLength, checkEntry, ENTRY_DATA_BYTES_MAX } from './data-entry.js';
import { CodecError } from './errors.js';
import type { Grammar } from './frame-decoder.js';
import { decodeHeader, HEADER_BYTES, HEADER_PACKET, type Header } from './header-entry.js';
import { decodeResult, RESULT_PACKET, type Result } from './result.js';
import { measureResult } from './server-packets.js';
import { checkTokenLength } from './token.js';

/** Version of the server-source protocol that this package speaks. */
export const SOURCE_PROTOCOL_VERSION = 1n;
/** `expectedEntry` of an operation that takes whatever number comes next. */
export const ANY_ENTRY = 0xffff_ffff_ffff_ffffn;

const OPEN_SOURCE = 256;
export const START_ATOMIC_OP = 257;
export const ADD_STREAM_ENTRY = 258;
export const ADD_STREAM_BOOKMARK = 259;
export const COMMIT_ATOMIC_OP = 260;
const ROLLBACK_ATOMIC_OP = 261;
const TRUNCATE_FILE = 262;
const UPDATE_ENTRY_DATA = 263;
const HEADER = 264;

/** A message without its stream type, which is the same for all messages of a connection. */
export type SourceMessage =
  | {
      readonly kind: 'openSource';
      readonly protocolVersion: bigint;
      readonly systemId: bigint;
      /** Fences sources off one another: the highest one writes. A u64. */
      readonly epoch: bigint;
      /** 0 to 4,096 bytes. */
      readonly token: Uint8Array;
    }
  | { readonly kind: 'startAtomicOp'; readonly expectedEntry: bigint }
  | { readonly kind: 'addStreamEntry'; readonly entryType: number; readonly data: Uint8Array }
  | { readonly kind: 'addStreamBookmark'; readonly bookmark: Uint8Array }
  | { readonly kind: 'commitAtomicOp' }
  | { readonly kind: 'rollbackAtomicOp' }
  | { readonly kind: 'truncateFile'; readonly entryNumber: bigint }
  | {
      readonly kind: 'updateEntryData';
      readonly entryNumber: bigint;
      readonly entryType: number;
      readonly data: Uint8Array;
    }
  | { readonly kind: 'header' };

/** What a server sends to a source: a result and, behind each OK, the committed header. */
export type SourceAnswer = Result | { readonly kind: 'header'; readonly header: Header };

/**
 * A message as bytes.
 * @throws {CodecError} `out-of-range`, `token-length`, `entry-too-large` or `bookmark-length`.
 */
export function encodeSourceMessage(message: SourceMessage, streamType: bigint): Uint8Array {
  switch (message.kind) {
    case 'openSource': {
      checkTokenLength(message.token.length);
      const bytes = commandHead(OPEN_SOURCE, streamType, 28 + message.token.length);
      writeU64(bytes, 16, message.protocolVersion);
      writeU64(bytes, 24, message.systemId);
      writeU64(bytes, 32, message.epoch);
      writeU32(bytes, 40, message.token.length);
      bytes.set(message.token, 44);
      return bytes;
    }
    case 'startAtomicOp': {
      const bytes = commandHead(START_ATOMIC_OP, streamType, 8);
      writeU64(bytes, 16, message.expectedEntry);
      return bytes;
    }
    case 'addStreamEntry': {
      checkEntry(message.entryType, message.data);
      const bytes = commandHead(ADD_STREAM_ENTRY, streamType, 8 + message.data.length);
      writeU32(bytes, 16, message.entryType);
      writeU32(bytes, 20, message.data.length);
      bytes.set(message.data, 24);
      return bytes;
    }
    case 'addStreamBookmark': {
      checkBookmark(message.bookmark);
      const bytes = commandHead(ADD_STREAM_BOOKMARK, streamType, 4 + message.bookmark.length);
      writeU32(bytes, 16, message.bookmark.length);
      bytes.set(message.bookmark, 20);
      return bytes;
    }
    case 'commitAtomicOp':
      return commandHead(COMMIT_ATOMIC_OP, streamType, 0);
    case 'rollbackAtomicOp':
      return commandHead(ROLLBACK_ATOMIC_OP, streamType, 0);
    case 'truncateFile': {
      const bytes = commandHead(TRUNCATE_FILE, streamType, 8);
      writeU64(bytes, 16, message.entryNumber);
      return bytes;
    }
    case 'updateEntryData': {
      checkEntry(message.entryType, message.data);
      const bytes = commandHead(UPDATE_ENTRY_DATA, streamType, 16 + message.data.length);
      writeU64(bytes, 16, message.entryNumber);
      writeU32(bytes, 24, message.entryType);
      writeU32(bytes, 28, message.data.length);
      bytes.set(message.data, 32);
      return bytes;
    }
    case 'header':
      return commandHead(HEADER, streamType, 0);
  }
}

/**
 * The grammar of what sources send to a server of one stream type.
 * Errors: `wrong-stream-type`, `unknown-command`, `token-length`, `entry-too-large`, `bookmark-length`.
 */
export function sourceMessages(streamType: bigint): Grammar<SourceMessage> {
  return {
    measure(bytes, at, end) {
      if (end - at < COMMAND_HEAD_BYTES) return 0;
      const message = commandNumberAt(bytes, at, streamType);
      switch (Number(message)) {
        case COMMIT_ATOMIC_OP:
        case ROLLBACK_ATOMIC_OP:
        case HEADER:
          return 16;
        case START_ATOMIC_OP:
        case TRUNCATE_FILE:
          return 24;
        case OPEN_SOURCE:
          return end - at < 44 ? 0 : 44 + checkTokenLength(readU32(bytes, at + 40));
        case ADD_STREAM_ENTRY:
          return end - at < 24 ? 0 : 24 + checkDataLength(readU32(bytes, at + 20));
        case UPDATE_ENTRY_DATA:
          return end - at < 32 ? 0 : 32 + checkDataLength(readU32(bytes, at + 28));
        case ADD_STREAM_BOOKMARK: {
          if (end - at < 20) return 0;
          const length = readU32(bytes, at + 16);
          checkBookmarkLength(length);
          return 20 + length;
        }
        default:
          throw new CodecError('unknown-command', `source message ${message} is not known`);
      }
    },
    decode(bytes, at, length) {
      const end = at + length;
      switch (Number(readU64(bytes, at))) {
        case OPEN_SOURCE:
          return {
            kind: 'openSource',
            protocolVersion: readU64(bytes, at + 16),
            systemId: readU64(bytes, at + 24),
            epoch: readU64(bytes, at + 32),
            token: copyOf(bytes, at + 44, end),
          };
        case START_ATOMIC_OP:
          return { kind: 'startAtomicOp', expectedEntry: readU64(bytes, at + 16) };
        case ADD_STREAM_ENTRY:
          return {
            kind: 'addStreamEntry',
            entryType: readU32(bytes, at + 16),
            data: bytes.subarray(at + 24, end),
          };
        case ADD_STREAM_BOOKMARK:
          return { kind: 'addStreamBookmark', bookmark: copyOf(bytes, at + 20, end) };
        case COMMIT_ATOMIC_OP:
          return { kind: 'commitAtomicOp' };
        case ROLLBACK_ATOMIC_OP:
          return { kind: 'rollbackAtomicOp' };
        case TRUNCATE_FILE:
          return { kind: 'truncateFile', entryNumber: readU64(bytes, at + 16) };
        case UPDATE_ENTRY_DATA:
          return {
            kind: 'updateEntryData',
            entryNumber: readU64(bytes, at + 16),
            entryType: readU32(bytes, at + 24),
            data: bytes.subarray(at + 32, end),
          };
        default:
          return { kind: 'header' };
      }
    },
  };
}

/** The grammar of what a server answers to a source. Errors: `unknown-packet`, `packet-length`. */
export const sourceAnswers: Grammar<SourceAnswer> = {
  measure(bytes, at, end) {
    switch (bytes[at]) {
      case RESULT_PACKET:
        return measureResult(bytes, at, end);
      case HEADER_PACKET:
        return HEADER_BYTES;
      default:
        throw new CodecError(
          'unknown-packet',
          `no answer to a source starts with byte 0x${bytes[at]!.toString(16)}`,
        );
    }
  },
  decode(bytes, at, length) {
    return bytes[at] === RESULT_PACKET
      ? decodeResult(bytes, at, length)
      : { kind: 'header', header: decodeHeader(bytes, at) };
  },
};

function checkDataLength(length: number): number {
  if (length > ENTRY_DATA_BYTES_MAX) {
    throw new CodecError(
      'entry-too-large',
      `an entry with ${length} bytes of data does not fit a page: at most ${ENTRY_DATA_BYTES_MAX} bytes`,
    );
  }
  return length;
}
