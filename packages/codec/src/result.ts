/**
 * Results: how a server answers a command or message.
 *
 *   [0]      u8   packetType = 0xff
 *   [1..5)   u32  length     = 9 + text
 *   [5..9)   u32  errorNum
 *   [9..)    u8[] errorStr, ASCII
 */
import { asciiBytes, asciiText, readU32, writeU32 } from './bytes.js';

/** First byte of a result. */
export const RESULT_PACKET = 0xff;
/** Bytes of a result before its text. */
export const RESULT_HEAD_BYTES = 9;
/** Longest text of a result that is accepted from a server. */
export const RESULT_TEXT_BYTES_MAX = 4096;

/** Error numbers of results. Those below 32 are the published protocol's, the others our own. */
export const ResultCode = {
  ok: 0,
  alreadyStarted: 1,
  alreadyStopped: 2,
  badFromEntry: 3,
  badFromBookmark: 4,
  invalidCommand: 9,
  serverFull: 32,
  unauthorized: 33,
  shuttingDown: 34,
  deadlineExceeded: 35,
  readFailed: 36,
  protocolVersion: 48,
  wrongSystemId: 49,
  epochFenced: 50,
  sourceConnected: 51,
  notOpen: 52,
  expectedEntry: 53,
  noOperation: 54,
  operationOpen: 55,
  entryTooLarge: 56,
  badBookmark: 57,
  badEntryType: 58,
  entryNotFound: 59,
  updateMismatch: 60,
  diskFull: 61,
  storageFailed: 62,
} as const;

/** Text that goes with an error number where no better one is given. */
const resultTexts: ReadonlyMap<number, string> = new Map([
  [ResultCode.ok, 'OK'],
  [ResultCode.alreadyStarted, 'Already started'],
  [ResultCode.alreadyStopped, 'Already stopped'],
  [ResultCode.badFromEntry, 'Bad from entry'],
  [ResultCode.badFromBookmark, 'Bad from bookmark'],
  [ResultCode.invalidCommand, 'Invalid command'],
  [ResultCode.serverFull, 'Server full'],
  [ResultCode.unauthorized, 'Unauthorized'],
  [ResultCode.shuttingDown, 'Shutting down'],
  [ResultCode.deadlineExceeded, 'Deadline exceeded'],
  [ResultCode.readFailed, 'Read failed'],
  [ResultCode.protocolVersion, 'Protocol version not supported'],
  [ResultCode.wrongSystemId, 'Wrong system id'],
  [ResultCode.epochFenced, 'Epoch fenced'],
  [ResultCode.sourceConnected, 'A source with this epoch is connected'],
  [ResultCode.notOpen, 'Source not open'],
  [ResultCode.expectedEntry, 'Expected entry mismatch'],
  [ResultCode.noOperation, 'No atomic operation open'],
  [ResultCode.operationOpen, 'An atomic operation is open'],
  [ResultCode.entryTooLarge, 'Entry too large'],
  [ResultCode.badBookmark, 'Bad bookmark'],
  [ResultCode.badEntryType, 'Bad entry type'],
  [ResultCode.entryNotFound, 'Entry not found'],
  [ResultCode.updateMismatch, 'Update does not match the stored entry'],
  [ResultCode.diskFull, 'Disk full'],
  [ResultCode.storageFailed, 'Storage failed'],
]);

/** A server's answer to a command or message. */
export interface Result {
  readonly kind: 'result';
  /** 0 is OK; see `ResultCode`. A u32. */
  readonly code: number;
  readonly text: string;
}

/** A result with the standard text of its number, or with a text of its own. */
export function result(code: number, text = resultTexts.get(code) ?? `Error ${code}`): Result {
  return { kind: 'result', code, text };
}

/** A result as bytes. Text beyond `RESULT_TEXT_BYTES_MAX` characters is cut. */
export function encodeResult({ code, text }: Result): Uint8Array {
  const ascii = asciiBytes(text).subarray(0, RESULT_TEXT_BYTES_MAX);
  const bytes = new Uint8Array(RESULT_HEAD_BYTES + ascii.length);
  bytes[0] = RESULT_PACKET;
  writeU32(bytes, 1, bytes.length);
  writeU32(bytes, 5, code);
  bytes.set(ascii, RESULT_HEAD_BYTES);
  return bytes;
}

/** The result of `length` bytes that stands at `at`. */
export function decodeResult(bytes: Uint8Array, at: number, length: number): Result {
  return result(readU32(bytes, at + 5), asciiText(bytes.subarray(at + RESULT_HEAD_BYTES, at + length)));
}
