/**
 * Holds the bookmark index against the bookmarks of the stream, in memory that does not grow with them.
 *
 * For each bookmark in the stream the index must name it, or one that comes later and has the same key. So each key's newest
 * one must be named itself; the index has exactly one key for each of these, and what it has more does not belong there.
 */
import type { Sighting } from '../disk/observed-file.js';
import type { StreamFileProblem } from '../upkeep/verify.js';
import { textOf } from './bookmark-list.js';
import { forEachBookmark } from './bookmark-scan.js';
import type { StoredBookmarks } from './level-bookmark-store.js';

/**
 * Whether a bookmark index was checked: `checked`, or why not. `unreadable`: in a folder that is read-only, say; `of another
 * file`: one that is there, has a name that differs in its extension alone, and so shares the folder.
 */
export type IndexReport =
  'checked' | 'in use' | 'missing' | 'damaged' | 'unreadable' | 'of another program' | 'of another file';

/** Problems that are kept: the index is built again as a whole anyway. */
const PROBLEMS_MAX = 100;
/** Keys that are remembered to say which one is wrong. That one is wrong, the number of keys tells as well. */
const ANNOUNCED_MAX = 100_000;

export class BookmarkCheck {
  /** Bookmarks that the stream has. */
  count = 0;
  readonly report: IndexReport;
  readonly #index: StoredBookmarks | undefined;
  readonly #path: string;
  readonly #problems: StreamFileProblem[] = [];
  /** Keys of the index that are right. */
  #right = 0;
  /** By key: an entry, still to come, that the index names. */
  readonly #announced = new Map<string, number>();

  /**
   * @param stream what is committed; `foreign` if another program wrote it, and with it the index, whatever that says
   * @param other the file whose index it is, if that is there and another one
   */
  constructor(
    index: StoredBookmarks | IndexReport,
    path: string,
    { state, committed }: Pick<Sighting, 'state' | 'committed'>,
    other: string | undefined,
  ) {
    this.#path = path;
    if (other !== undefined) {
      this.report = 'of another file';
      this.#add(
        `it has the bookmarks of ${other}: this file cannot be opened until one of both has a name that differs in more ` +
          `than its extension`,
      );
      return;
    }
    if (typeof index === 'string') {
      this.report = index;
      if (index === 'damaged') this.#add('it cannot be opened');
      return;
    }
    if (index.indexedTo === undefined || state === 'foreign') {
      this.report = 'of another program';
      return;
    }
    this.report = 'checked';
    this.#index = index;
    if (index.indexedTo > committed.entries) {
      this.#add(`it has taken in ${index.indexedTo} entries, but there are ${committed.entries}`);
    }
  }

  /** Takes in the stream's entries, in their order. */
  add(entries: Uint8Array): void {
    forEachBookmark(entries, (at, length, entry) => {
      this.count++;
      if (this.#index) this.#hold(entries.subarray(at, at + length), entry, this.#index);
    });
  }

  /** What is wrong, when all that can be read of the stream was taken in. */
  async finish(isWholeStream: boolean, signal: AbortSignal | undefined): Promise<StreamFileProblem[]> {
    if (!isWholeStream) return this.#problems;
    for (const [key, entry] of this.#announced) {
      this.#add(`bookmark ${hexOf(key)} names entry ${entry}, which has not this bookmark`, entry);
    }
    if (!this.#index || this.#problems.length > 0) return this.#problems;
    let keys = 0;
    for await (const _key of this.#index.keys()) {
      signal?.throwIfAborted();
      keys++;
    }
    if (keys > this.#right)
      this.#add(`it has ${keys - this.#right} keys that name no bookmark of the stream`);
    return this.#problems;
  }

  #hold(key: Uint8Array, entry: number, index: StoredBookmarks): void {
    // What the index has not taken in yet is read from the stream when the file is opened.
    if (entry >= (index.indexedTo ?? 0)) return;
    const named = index.get(key);
    if (named === entry) {
      this.#right++;
      if (this.#announced.size > 0) this.#announced.delete(textOf(key, 0, key.length));
    } else if (named === undefined || named < entry) {
      const says = named === undefined ? 'is missing' : `names entry ${named}`;
      const text = hexOf(textOf(key, 0, key.length));
      this.#add(`bookmark ${text} ${says}, but the newest entry with it is ${entry} or later`, entry);
    } else if (this.#announced.size < ANNOUNCED_MAX) {
      this.#announced.set(textOf(key, 0, key.length), named);
    }
  }

  #add(message: string, entry?: number): void {
    if (this.#problems.length >= PROBLEMS_MAX) return;
    const entries = entry === undefined ? {} : { firstEntry: entry, lastEntry: entry };
    this.#problems.push({ kind: 'bookmark', file: this.#path, ...entries, message });
  }
}

function hexOf(key: string): string {
  return `0x${Buffer.from(key, 'latin1').toString('hex')}`;
}
