/**
 * Commands: what a client sends to a server. All integers big-endian.
 *
 *   Start          u64 1, u64 streamType, u64 fromEntry
 *   Stop           u64 2, u64 streamType
 *   Header         u64 3, u64 streamType
 *   StartBookmark  u64 4, u64 streamType, u32 length (1 to 16), u8[] bookmark
 *   Entry          u64 5, u64 streamType, u64 entryNumber
 *   Bookmark       u64 6, u64 streamType, u32 length (1 to 16), u8[] bookmark
 *   Authenticate   u64 514, u64 streamType, u32 length (0 to 4,096), u8[] token
 *
 * Numbers from 512 on are extensions. The longest command has 36 bytes, but for Authenticate.
 */
import { copyOf, readU32, readU64, writeU32, writeU64, writeU64Number } from './bytes.js';
import { checkBookmark, checkBookmarkLength } from './data-entry.js';
import { CodecError } from './errors.js';
import type { Grammar } from './frame-decoder.js';
import { checkTokenLength } from './token.js';

/** Bytes that all commands and source messages start with: `u64 command, u64 streamType`. */
export const COMMAND_HEAD_BYTES = 16;

const START = 1;
const STOP = 2;
const HEADER = 3;
const START_BOOKMARK = 4;
const ENTRY = 5;
const BOOKMARK = 6;
const AUTHENTICATE = 514;

/** A command without its stream type, which is the same for all commands of a connection. */
export type ClientCommand =
  | { readonly kind: 'start'; readonly fromEntry: bigint }
  | { readonly kind: 'stop' }
  | { readonly kind: 'header' }
  | { readonly kind: 'startBookmark'; readonly bookmark: Uint8Array }
  | { readonly kind: 'entry'; readonly entryNumber: bigint }
  | { readonly kind: 'bookmark'; readonly bookmark: Uint8Array }
  /** An extension. The token has 0 to 4,096 bytes. */
  | { readonly kind: 'authenticate'; readonly token: Uint8Array };

const commandNumbers: Readonly<Record<ClientCommand['kind'], number>> = {
  start: START,
  stop: STOP,
  header: HEADER,
  startBookmark: START_BOOKMARK,
  entry: ENTRY,
  bookmark: BOOKMARK,
  authenticate: AUTHENTICATE,
};

/**
 * A command as bytes.
 * @throws {CodecError} `out-of-range`, `bookmark-length` or `token-length`.
 */
export function encodeCommand(command: ClientCommand, streamType: bigint): Uint8Array {
  switch (command.kind) {
    case 'stop':
    case 'header':
      return commandHead(commandNumbers[command.kind], streamType, 0);
    case 'start':
    case 'entry': {
      const bytes = commandHead(commandNumbers[command.kind], streamType, 8);
      writeU64(bytes, 16, command.kind === 'start' ? command.fromEntry : command.entryNumber);
      return bytes;
    }
    case 'startBookmark':
    case 'bookmark':
      checkBookmark(command.bookmark);
      return commandWithBytes(commandNumbers[command.kind], streamType, command.bookmark);
    case 'authenticate':
      checkTokenLength(command.token.length);
      return commandWithBytes(commandNumbers[command.kind], streamType, command.token);
  }
}

/** A command with one parameter: bytes behind their length. */
function commandWithBytes(command: number, streamType: bigint, parameter: Uint8Array): Uint8Array {
  const bytes = commandHead(command, streamType, 4 + parameter.length);
  writeU32(bytes, 16, parameter.length);
  bytes.set(parameter, 20);
  return bytes;
}

/** Bytes with `u64 command, u64 streamType` filled in and room for the parameters. */
export function commandHead(command: number, streamType: bigint, parameterBytes: number): Uint8Array {
  const bytes = new Uint8Array(COMMAND_HEAD_BYTES + parameterBytes);
  writeU64Number(bytes, 0, command);
  writeU64(bytes, 8, streamType);
  return bytes;
}

/**
 * The command number that stands at `at`, once the stream type behind it is known to be the expected one.
 * @throws {CodecError} `wrong-stream-type`.
 */
export function commandNumberAt(bytes: Uint8Array, at: number, streamType: bigint): bigint {
  const given = readU64(bytes, at + 8);
  if (given !== streamType) {
    throw new CodecError(
      'wrong-stream-type',
      `a command for stream type ${given}: this stream has type ${streamType}`,
    );
  }
  return readU64(bytes, at);
}

/** The grammar of what clients send to a server of one stream type. Errors: `wrong-stream-type`, `unknown-command`, `bookmark-length`, `token-length`. */
export function clientCommands(streamType: bigint): Grammar<ClientCommand> {
  return {
    measure(bytes, at, end) {
      if (end - at < COMMAND_HEAD_BYTES) return 0;
      const command = commandNumberAt(bytes, at, streamType);
      switch (Number(command)) {
        case STOP:
        case HEADER:
          return COMMAND_HEAD_BYTES;
        case START:
        case ENTRY:
          return COMMAND_HEAD_BYTES + 8;
        case START_BOOKMARK:
        case BOOKMARK: {
          if (end - at < COMMAND_HEAD_BYTES + 4) return 0;
          const length = readU32(bytes, at + 16);
          checkBookmarkLength(length);
          return COMMAND_HEAD_BYTES + 4 + length;
        }
        case AUTHENTICATE:
          return end - at < COMMAND_HEAD_BYTES + 4
            ? 0
            : COMMAND_HEAD_BYTES + 4 + checkTokenLength(readU32(bytes, at + 16));
        default:
          throw new CodecError('unknown-command', `client command ${command} is not known`);
      }
    },
    decode(bytes, at, length) {
      switch (Number(readU64(bytes, at))) {
        case STOP:
          return { kind: 'stop' };
        case HEADER:
          return { kind: 'header' };
        case START:
          return { kind: 'start', fromEntry: readU64(bytes, at + 16) };
        case ENTRY:
          return { kind: 'entry', entryNumber: readU64(bytes, at + 16) };
        case START_BOOKMARK:
          return { kind: 'startBookmark', bookmark: copyOf(bytes, at + 20, at + length) };
        case AUTHENTICATE:
          return { kind: 'authenticate', token: copyOf(bytes, at + 20, at + length) };
        default:
          return { kind: 'bookmark', bookmark: copyOf(bytes, at + 20, at + length) };
      }
    },
  };
}
