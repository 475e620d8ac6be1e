/**
 * The header entry: identity and size of a stream, at the start of its file and in the answer to Header.
 *
 *   [0]       u8  packetType = 1
 *   [1..5)    u32 headLength = 38
 *   [5]       u8  version
 *   [6..14)   u64 systemId
 *   [14..22)  u64 streamType
 *   [22..30)  u64 totalLength
 *   [30..38)  u64 totalEntries
 */
import { readU32, readU64, writeU32, writeU64 } from './bytes.js';
import { CodecError } from './errors.js';

/** First byte of a header entry. */
export const HEADER_PACKET = 0x01;
/** Bytes of a header entry. */
export const HEADER_BYTES = 38;

/** What never changes in the life of a stream. */
export interface StreamIdentity {
  /** Version of what the entries hold, for the application. A u8. */
  readonly version: number;
  /** Which system the stream is of: a chain id, say. A u64. */
  readonly systemId: bigint;
  /** 1 = sequencer. A u64. */
  readonly streamType: bigint;
}

/** Identity and committed size of a stream. */
export interface Header extends StreamIdentity {
  /** Bytes of the file that are in use: header page, entries and padding. A u64. */
  readonly totalLength: bigint;
  /** Committed entries, and so the number that the next one gets. A u64. */
  readonly totalEntries: bigint;
}

/**
 * A header entry's 38 bytes.
 * @throws {CodecError} `out-of-range`.
 */
export function encodeHeader(header: Header): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  if (!Number.isInteger(header.version) || header.version < 0 || header.version > 0xff) {
    throw new CodecError('out-of-range', `version ${header.version} is not a u8`);
  }
  bytes[0] = HEADER_PACKET;
  writeU32(bytes, 1, HEADER_BYTES);
  bytes[5] = header.version;
  writeU64(bytes, 6, header.systemId);
  writeU64(bytes, 14, header.streamType);
  writeU64(bytes, 22, header.totalLength);
  writeU64(bytes, 30, header.totalEntries);
  return bytes;
}

/**
 * The header entry that stands at `at`, where 38 bytes must be.
 * @throws {CodecError} `unknown-packet` or `packet-length` if it is none.
 */
export function decodeHeader(bytes: Uint8Array, at = 0): Header {
  if (bytes[at] !== HEADER_PACKET) {
    throw new CodecError('unknown-packet', `a header entry starts with ${HEADER_PACKET}, not ${bytes[at]}`);
  }
  const length = readU32(bytes, at + 1);
  if (length !== HEADER_BYTES) {
    throw new CodecError('packet-length', `a header entry has ${HEADER_BYTES} bytes, not ${length}`);
  }
  return {
    version: bytes[at + 5]!,
    systemId: readU64(bytes, at + 6),
    streamType: readU64(bytes, at + 14),
    totalLength: readU64(bytes, at + 22),
    totalEntries: readU64(bytes, at + 30),
  };
}
