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
import { textOf, type Bookmark, type BookmarkIndex, type Changes } from './bookmark-index.js';

/** The bookmarks among encoded entries. Keys that nobody can ask for, since they are empty or too long, are left out. */
export function* bookmarksIn(bytes: Uint8Array): Generator<Bookmark, void, undefined> {
  for (let at = 0; at < bytes.length;) {
    const length = entryLengthAt(bytes, at);
    if (entryTypeAt(bytes, at) === BOOKMARK_ENTRY_TYPE && isKeyLength(length - ENTRY_HEAD_BYTES)) {
      yield [textOf(bytes.subarray(at + ENTRY_HEAD_BYTES, at + length)), entryNumberAt(bytes, at)];
    }
    at += length;
  }
}

/** Gives the index the bookmarks that it does not know yet, up to the stream's end. */
export async function catchUp(
  index: BookmarkIndex,
  reader: Reader,
  end: { readonly length: number; readonly entries: number },
  onProgress: ProgressListener | undefined,
): Promise<void> {
  let offset = await reader.offsetOf(index.indexedTo);
  while (offset !== undefined && offset < end.length) {
    const chunk = await reader.read(offset, PAGE_BYTES);
    if (!chunk) break;
    const bookmarks = [...bookmarksIn(chunk.bytes)];
    index.add(bookmarks, (bookmarks.at(-1)?.[1] ?? index.indexedTo - 1) + 1);
    await index.ready();
    offset = chunk.nextOffset;
    onProgress?.('index', offset, end.length);
  }
  index.add([], end.entries);
}

/**
 * For each key that stands in a bookmark from entry `cut` up to entry `entries`: the newest entry below `cut` with it,
 * or undefined where there is none. Reads the whole stream if there is such a key.
 */
export async function olderBookmarks(reader: Reader, cut: number, entries: number): Promise<Changes> {
  const found: Changes = new Map();
  for await (const { bytes } of reader.chunks(cut, entries)) {
    for (const [key] of bookmarksIn(bytes)) found.set(key, undefined);
  }
  if (found.size > 0) {
    for await (const { bytes } of reader.chunks(0, cut)) {
      for (const [key, entry] of bookmarksIn(bytes)) {
        if (found.has(key)) found.set(key, entry);
      }
    }
  }
  return found;
}

function isKeyLength(bytes: number): boolean {
  return bytes > 0 && bytes <= BOOKMARK_BYTES_MAX;
}
