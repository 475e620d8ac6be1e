export {
  asciiBytes,
  asciiText,
  equalBytes,
  readU32,
  readU64,
  readU64AsNumber,
  writeU32,
  writeU64,
  writeU64Number,
} from './bytes.js';
export { clientCommands, encodeCommand, type ClientCommand } from './client-commands.js';
export { conversation, type ConversationState, type Transition } from './conversation.js';
export {
  ANSWER_PACKET,
  BOOKMARK_BYTES_MAX,
  BOOKMARK_ENTRY_TYPE,
  checkBookmark,
  checkEntry,
  encodeEntry,
  encodeNotFound,
  ENTRY_BYTES_MAX,
  ENTRY_DATA_BYTES_MAX,
  ENTRY_HEAD_BYTES,
  ENTRY_PACKET,
  entryAt,
  entryLengthAt,
  entryNumberAt,
  entryTypeAt,
  NOT_FOUND_ENTRY_TYPE,
  writeEntry,
  type Entry,
} from './data-entry.js';
export { EntryBatch, entryBatch } from './entry-batch.js';
export { CodecError, type CodecErrorCode } from './errors.js';
export { FrameDecoder, type Grammar } from './frame-decoder.js';
export {
  decodeHeader,
  encodeHeader,
  HEADER_BYTES,
  HEADER_PACKET,
  type Header,
  type StreamIdentity,
} from './header-entry.js';
export { OperationEncoder } from './operation-encoder.js';
export { encodeResult, result, ResultCode, type Result } from './result.js';
export { serverPackets, type ServerPacket } from './server-packets.js';
export {
  sourceMessageRuns,
  takeAdditions,
  type SourceAdditions,
  type SourceMessageRun,
} from './source-additions.js';
export {
  ANY_ENTRY,
  encodeSourceMessage,
  SOURCE_PROTOCOL_VERSION,
  sourceAnswers,
  sourceMessages,
  type SourceAnswer,
  type SourceMessage,
} from './source-messages.js';
export { TOKEN_BYTES_MAX } from './token.js';
