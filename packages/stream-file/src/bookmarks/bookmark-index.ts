/**
 * Bookmarks: key -> number of the newest committed entry with that key.
 *
 * The index is derived from the stream. It follows behind it: what is committed stands in memory at once and goes to the
 * store in batches, each of which also records how many entries of the stream the store knows (`indexedTo`). After a
 * crash the store is a little behind, never ahead, and the entries it misses are read from the stream again.
 */
import { readU64AsNumber, writeU64Number } from '@ds/codec';

import { BookmarkList, REMOVED } from './bookmark-list.js';

/** A key-value store that keeps the index: a port, whose real twin is a LevelDB folder. */
export interface BookmarkStore {
  /** Value of a key, if there is one. */
  get(key: Uint8Array): Uint8Array | undefined;
  /**
   * Writes all pairs or none; `undefined` removes. `durable`: resolves only when they survive a power cut. The arrays of a
   * pair hold what they do until the next one is asked for. Pairs not gone through yet stay what they are until it settles.
   */
  write(pairs: Iterable<readonly [Uint8Array, Uint8Array | undefined]>, durable: boolean): Promise<void>;
  /** Removes everything. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Under this key stands how many entries the index has taken in, as a u64, and behind that the name of the file they stand
 * in. Longer than any bookmark's key, so that it is none.
 */
export const INDEXED_TO_KEY: Uint8Array = new TextEncoder().encode('data-stream:indexed-to');
/** How many bookmarks may wait in memory before commits wait for the store. */
const WAITING_MAX = 50_000;
/** Bookmarks in one batch: more would keep everything else of the process waiting for too long. */
const BATCH_MAX = 2000;

export class BookmarkIndex {
  readonly #store: BookmarkStore;
  readonly #fileName: string;
  /** Committed, and not on their way to the store. */
  #waiting = new BookmarkList();
  /** On their way to the store. */
  #writing = new BookmarkList();
  /** Whether the next write to the store must be durable, since the stream was cut. */
  #wasCut = false;
  #indexedTo: number;
  /** How many the store says. */
  #storedTo: number;
  #isUsable: boolean;
  #flushing: Promise<void> | undefined;
  /** Why the last write to the store failed. It is tried again before the next commit. */
  #failure: Error | undefined;

  /** @param fileName name of the stream file, without its folder */
  constructor(store: BookmarkStore, fileName: string) {
    this.#store = store;
    this.#fileName = fileName;
    this.#isUsable = ownerOf(store) === fileName;
    const indexedTo = this.#isUsable ? store.get(INDEXED_TO_KEY) : undefined;
    this.#indexedTo = this.#storedTo = indexedTo ? numberOf(indexedTo) : 0;
  }

  /** Whether the index is this file's, rather than another one's, another program's or nobody's yet. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** How many entries of the stream the index has taken in. */
  get indexedTo(): number {
    return this.#indexedTo;
  }

  /** Number of the entry with this bookmark. */
  get(key: Uint8Array): number | undefined {
    for (const recent of [this.#waiting, this.#writing]) {
      const entry = recent.find(key);
      if (entry !== undefined) return entry === REMOVED ? undefined : entry;
    }
    const stored = this.#store.get(key);
    return stored && numberOf(stored);
  }

  /** Takes over committed bookmarks: those of a list, whose entries rise, that are below `entries`, which the stream now has. */
  add(bookmarks: BookmarkList, entries: number): void {
    bookmarks.moveBelow(entries, this.#waiting);
    this.#indexedTo = entries;
    // Not at once: whoever commits has more urgent things to do.
    if (this.#waiting.length > 0) this.#flushing ??= Promise.resolve().then(() => this.#flush());
  }

  /** Whether few enough bookmarks wait in memory, and the store has not failed. */
  get isReady(): boolean {
    return !this.#failure && (this.#waiting.length <= WAITING_MAX || !this.#flushing);
  }

  /** Resolves when few enough bookmarks wait in memory. Rejects if the store has failed and fails again. */
  async ready(): Promise<void> {
    if (this.#failure) await this.#flushAgain();
    while (this.#waiting.length > WAITING_MAX && this.#flushing) await this.#flushing;
    if (this.#failure) throw this.#failure;
  }

  /** Replaces what the stream's cut to `entries` entries has made wrong: each key's older entry, or `REMOVED`. Durable. */
  async repoint(changes: BookmarkList, entries: number): Promise<void> {
    this.#waiting.append(changes);
    this.#indexedTo = entries;
    this.#wasCut = true;
    await this.#flushAgain();
    if (this.#failure) throw this.#failure;
  }

  /**
   * Forgets everything, durably, to be filled again from the stream's first entry on. A crash in the middle leaves an
   * index that is not usable.
   */
  async clear(): Promise<void> {
    await this.#settled();
    this.#isUsable = false;
    this.#waiting = new BookmarkList();
    this.#wasCut = false;
    await this.#store.write([[INDEXED_TO_KEY, undefined]], true);
    await this.#store.clear();
    this.#indexedTo = this.#storedTo = 0;
    await this.#store.write([[INDEXED_TO_KEY, indexedToValue(0, this.#fileName)]], false);
    this.#isUsable = true;
  }

  /** Brings the store up to date. Rejects if it fails. */
  async flush(): Promise<void> {
    await this.#flushAgain();
    if (this.#failure) throw this.#failure;
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  /** Writes all that waits, and what could not be written before. */
  async #flushAgain(): Promise<void> {
    await this.#settled();
    this.#flushing = this.#flush();
    await this.#flushing;
  }

  async #settled(): Promise<void> {
    while (this.#flushing) await this.#flushing;
  }

  /** Always writes, if only how far the index has come. */
  async #flush(): Promise<void> {
    const wasCut = this.#wasCut;
    this.#failure = undefined;
    try {
      do {
        this.#writing = this.#waiting;
        this.#waiting = new BookmarkList();
        this.#wasCut = false;
        await this.#write(this.#writing, this.#indexedTo, wasCut);
        this.#writing = new BookmarkList();
      } while (this.#waiting.length > 0);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#writing.append(this.#waiting);
      this.#waiting = this.#writing;
      this.#writing = new BookmarkList();
      this.#wasCut = wasCut;
    }
    this.#flushing = undefined;
  }

  /**
   * Writes a list in batches. None of them says less than what the store has: those of a cut say nothing until all of it is
   * there, and neither do those that are written again after a failure.
   */
  async #write(list: BookmarkList, indexedTo: number, wasCut: boolean): Promise<void> {
    const bookmarks = list[Symbol.iterator]();
    for (let written = 0, isLast = false; !isLast;) {
      written = Math.min(written + BATCH_MAX, list.length);
      isLast = written === list.length;
      const reached = isLast ? indexedTo : list.entryAt(written - 1) + 1;
      const known = isLast || (!wasCut && reached > this.#storedTo) ? reached : undefined;
      await this.#store.write(
        pairsOf(bookmarks, known === undefined ? undefined : indexedToValue(known, this.#fileName)),
        wasCut,
      );
      if (known !== undefined) this.#storedTo = known;
    }
  }
}

/** The next batch as keys and values. */
function* pairsOf(
  bookmarks: Iterator<readonly [Uint8Array, number]>,
  indexedTo: Uint8Array | undefined,
): Generator<readonly [Uint8Array, Uint8Array | undefined]> {
  const value = new Uint8Array(8);
  for (let count = 0; count < BATCH_MAX; count++) {
    const next = bookmarks.next();
    if (next.done) break;
    const [key, entry] = next.value;
    if (entry !== REMOVED) writeU64Number(value, 0, entry);
    yield [key, entry === REMOVED ? undefined : value];
  }
  if (indexedTo) yield [INDEXED_TO_KEY, indexedTo];
}

/** Name of the file that an index belongs to; undefined if another program wrote it, or nobody. */
export function ownerOf(store: Pick<BookmarkStore, 'get'>): string | undefined {
  const value = store.get(INDEXED_TO_KEY);
  return value && new TextDecoder().decode(value.subarray(8));
}

/** What stands under `INDEXED_TO_KEY`. */
export function indexedToValue(entries: number, fileName: string): Uint8Array {
  const name = new TextEncoder().encode(fileName);
  const value = new Uint8Array(8 + name.length);
  writeU64Number(value, 0, entries);
  value.set(name, 8);
  return value;
}

/** An entry number as the index stores it. */
export function numberOf(bytes: Uint8Array): number {
  return readU64AsNumber(bytes, 0);
}
