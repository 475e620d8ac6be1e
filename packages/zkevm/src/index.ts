export {
  batchBookmark,
  blockBookmark,
  decodeBookmark,
  encodeBookmark,
  payloadStyle,
  type PayloadStyle,
} from './bookmark.js';
export { BatchType, BookmarkType, EntryType, LegacyEntryType } from './entry-types.js';
export { ZkevmError, type ZkevmErrorCode, type ZkevmErrorPlace } from './errors.js';
export {
  decodeLegacyPayload,
  encodeLegacyPayload,
  type LegacyBlockEnd,
  type LegacyBlockStart,
  type LegacyPayload,
  type LegacyTransaction,
  type LegacyUpdateGer,
} from './legacy.js';
export type {
  BatchEnd,
  BatchStart,
  Bookmark,
  EncodedEntry,
  L2Block,
  L2BlockEnd,
  Payload,
  PayloadInit,
  Transaction,
  UpdateGer,
} from './payloads.js';
export { decodePayload, encodePayload } from './protobuf.js';
