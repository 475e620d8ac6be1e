/** Reads bookmarks from the stream itself, where the index does not know them. */
import {
  BOOKMARK_BYTES_MAX,
  BOOKMARK_ENTRY_TYPE,
  ENTRY_HEAD_BYTES,
  entryLengthAt,
  entryNumberAt,
  entryTypeAt,
} from '@ds/codec';

import type { ProgressListener } from '../opening/recovery.js';
import { PAGE_BYTES } from '../pages/geometry.js';
import type { Reader } from '../reading/reader.js';
import type { BookmarkIndex } from './bookmark-index.js';
import { BookmarkList, REMOVED, textOf } from './bookmark-list.js';

/** Keys whose older bookmarks are looked for. Each is kept in memory meanwhile. */
const OLDER_MAX = 100_000;

/**
 * Calls `found` for each bookmark among encoded entries, with where its key stands. Keys that nobody can ask for, since
 * they are empty or too long, are left out.
 */
export function forEachBookmark(
  bytes: Uint8Array,
  found: (keyAt: number, keyLength: number, entry: number) => void,
): void {
  for (let at = 0; at < bytes.length;) {
    const length = entryLengthAt(bytes, at);
    if (entryTypeAt(bytes, at) === BOOKMARK_ENTRY_TYPE && isKeyLength(length - ENTRY_HEAD_BYTES))
      found(at + ENTRY_HEAD_BYTES, length - ENTRY_HEAD_BYTES, entryNumberAt(bytes, at));
    at += length;
  }
}

/** Adds the bookmarks among encoded entries to a list. */
export function collectBookmarks(bytes: Uint8Array, list: BookmarkList): void {
  forEachBookmark(bytes, (at, length, entry) => {
    list.add(bytes, at, length, entry);
  });
}

/** Gives the index the bookmarks that it does not know yet, up to the stream's end. */
export async function catchUp(
  index: BookmarkIndex,
  reader: Reader,
  end: { readonly length: number; readonly entries: number },
  onProgress?: ProgressListener,
): Promise<void> {
  let offset = await reader.offsetOf(index.indexedTo);
  while (offset !== undefined && offset < end.length) {
    const chunk = await reader.read(offset, PAGE_BYTES);
    if (!chunk) break;
    const bookmarks = new BookmarkList();
    collectBookmarks(chunk.bytes, bookmarks);
    const { length } = bookmarks;
    index.add(bookmarks, length > 0 ? bookmarks.entryAt(length - 1) + 1 : index.indexedTo);
    await index.ready();
    offset = chunk.nextOffset;
    onProgress?.('index', offset, end.length);
  }
  index.add(new BookmarkList(), end.entries);
}

/**
 * For each key that stands in a bookmark from entry `cut` up to entry `entries`: the newest entry below `cut` with it, or
 * `REMOVED` where there is none. Reads the whole stream if there is such a key. Undefined if there are too many of them.
 */
export async function olderBookmarks(
  reader: Reader,
  cut: number,
  entries: number,
): Promise<BookmarkList | undefined> {
  const older = new Map<string, number>();
  for await (const { bytes } of reader.chunks(cut, entries)) {
    forEachBookmark(bytes, (at, length) => older.set(textOf(bytes, at, length), REMOVED));
    if (older.size > OLDER_MAX) return undefined;
  }
  if (older.size > 0) {
    for await (const { bytes } of reader.chunks(0, cut)) {
      forEachBookmark(bytes, (at, length, entry) => {
        const key = textOf(bytes, at, length);
        if (older.has(key)) older.set(key, entry);
      });
    }
  }
  const changes = new BookmarkList();
  for (const [key, entry] of older) changes.add(Buffer.from(key, 'latin1'), 0, key.length, entry);
  return changes;
}

function isKeyLength(bytes: number): boolean {
  return bytes > 0 && bytes <= BOOKMARK_BYTES_MAX;
}
