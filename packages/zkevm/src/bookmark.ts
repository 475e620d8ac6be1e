/** Bookmarks of both styles: the keys under which batches and blocks are found in a stream. */
import { BookmarkType, EntryType } from './entry-types.js';
import { ZkevmError } from './errors.js';
import { decodeLegacyPayload, encodeLegacyPayload } from './legacy.js';
import type { Bookmark } from './payloads.js';
import { decodePayload, encodePayload } from './protobuf.js';

/** Protobuf messages (all nodes of today) or big-endian structs (old streams). */
export type PayloadStyle = 'protobuf' | 'legacy';

const legacyBookmarkBytes = 9;

/**
 * The bookmark of a batch.
 * @param number the batch's number, 64 bits unsigned
 * @throws ZkevmError `invalid-value`
 */
export function batchBookmark(number: bigint, style: PayloadStyle = 'protobuf'): Uint8Array {
  return encodeBookmark({ type: BookmarkType.batch, value: number }, style);
}

/**
 * The bookmark of a block.
 * @param number the block's number, 64 bits unsigned
 * @throws ZkevmError `invalid-value`
 */
export function blockBookmark(number: bigint, style: PayloadStyle = 'protobuf'): Uint8Array {
  return encodeBookmark({ type: BookmarkType.l2Block, value: number }, style);
}

/**
 * A bookmark's bytes: at most 13 in protobuf, 9 in the old style.
 * @throws ZkevmError `invalid-value`
 */
export function encodeBookmark(
  { type, value }: Pick<Bookmark, 'type' | 'value'>,
  style: PayloadStyle = 'protobuf',
): Uint8Array {
  const bookmark = { kind: 'bookmark', type, value } as const;
  return (style === 'protobuf' ? encodePayload(bookmark) : encodeLegacyPayload(bookmark)).data;
}

/**
 * Reads a bookmark of either style.
 * @throws ZkevmError `malformed`
 */
export function decodeBookmark(data: Uint8Array): Bookmark {
  const decode = payloadStyle(data) === 'protobuf' ? decodePayload : decodeLegacyPayload;
  // Entry type 176 decodes to a bookmark in both styles.
  return decode(EntryType.bookmark, data) as Bookmark;
}

/**
 * Tells from any bookmark of a stream how its payloads are encoded. This is certain: an old bookmark starts with
 * 0 or 1, which no protobuf message does.
 * @throws ZkevmError `malformed` when it is a bookmark of neither style
 */
export function payloadStyle(bookmark: Uint8Array): PayloadStyle {
  const [first] = bookmark;
  const problem = (text: string): ZkevmError =>
    new ZkevmError('malformed', `no bookmark of a zkEVM stream: ${text}`, {
      entryType: EntryType.bookmark,
      offset: 0,
    });
  if (first === undefined) throw problem('it is empty');
  if (first > 1) return 'protobuf';
  if (bookmark.length === legacyBookmarkBytes) return 'legacy';
  throw problem(`it starts like an old one but has ${bookmark.length} bytes, not ${legacyBookmarkBytes}`);
}
