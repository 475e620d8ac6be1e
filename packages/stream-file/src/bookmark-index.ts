/**
 * Bookmarks: key -> number of the newest committed entry with that key.
 *
 * The index is derived from the stream. It follows behind it: what is committed stands in memory at once and goes to the
 * store in batches, each of which also records how many entries of the stream the store knows (`indexedTo`). After a
 * crash the store is a little behind, never ahead, and the entries it misses are read from the stream again.
 */
import { BOOKMARK_BYTES_MAX } from '@ds/codec';

/** A key-value store that keeps the index: a port, whose real twin is a LevelDB folder. */
export interface BookmarkStore {
  /** Value of a key, if there is one. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** Writes all pairs or none; `undefined` removes. `durable`: resolves only when they survive a power cut. */
  write(pairs: Iterable<readonly [Uint8Array, Uint8Array | undefined]>, durable: boolean): Promise<void>;
  /** Removes everything. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** A bookmark's key and the number of its entry, a safe integer. */
export type Bookmark = readonly [key: Uint8Array, entry: number];

/** Longer than any bookmark's key, so that it is none. */
const INDEXED_TO_KEY = new TextEncoder().encode('data-stream:indexed-to');
/** How many bookmarks may wait in memory before commits wait for the store. */
const WAITING_MAX = 50_000;

export class BookmarkIndex {
  readonly #store: BookmarkStore;
  /** Committed, and not on their way to the store. */
  #waiting = new Map<string, Bookmark>();
  /** On their way to the store. */
  #writing = new Map<string, Bookmark>();
  #indexedTo: number;
  #flushing: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(store: BookmarkStore) {
    this.#store = store;
    const indexedTo = store.get(INDEXED_TO_KEY);
    this.#indexedTo = indexedTo ? numberOf(indexedTo) : 0;
    this.isNew = indexedTo === undefined;
  }

  /** Whether the store was not written by this package: it may be empty, or another program's. */
  readonly isNew: boolean;

  /** How many entries of the stream the index has taken in. */
  get indexedTo(): number {
    return this.#indexedTo;
  }

  /** Number of the entry with this bookmark. */
  get(key: Uint8Array): number | undefined {
    const text = textOf(key);
    const recent = this.#waiting.get(text) ?? this.#writing.get(text);
    if (recent) return recent[1];
    const stored = this.#store.get(key);
    return stored && numberOf(stored);
  }

  /** Takes in committed bookmarks, oldest first, of a stream that now has `entries` entries. Keys that nobody can ask for are left out. */
  add(bookmarks: readonly Bookmark[], entries: number): void {
    for (const bookmark of bookmarks) {
      const { length } = bookmark[0];
      if (length > 0 && length <= BOOKMARK_BYTES_MAX) this.#waiting.set(textOf(bookmark[0]), bookmark);
    }
    this.#indexedTo = entries;
    if (this.#waiting.size > 0) this.#flushing ??= this.#flush();
  }

  /** Resolves when few enough bookmarks wait in memory. Rejects if the store has failed. */
  async ready(): Promise<void> {
    while (this.#waiting.size > WAITING_MAX && this.#flushing) await this.#flushing;
    if (this.#failure) throw this.#failure;
  }

  /** Replaces what the stream's cut to `entries` entries has made wrong: each key's older entry, or none. Durable. */
  async repoint(
    changes: Iterable<readonly [Uint8Array, number | undefined]>,
    entries: number,
  ): Promise<void> {
    await this.flush();
    this.#indexedTo = entries;
    const pairs: [Uint8Array, Uint8Array | undefined][] = [[INDEXED_TO_KEY, bytesOf(entries)]];
    for (const [key, entry] of changes) pairs.push([key, entry === undefined ? undefined : bytesOf(entry)]);
    await this.#store.write(pairs, true);
  }

  /** Forgets everything, to be filled again from the stream's first entry on. */
  async clear(): Promise<void> {
    await this.flush();
    await this.#store.clear();
    this.#indexedTo = 0;
  }

  /** Brings the store up to date. Rejects if it has failed. */
  async flush(): Promise<void> {
    while (this.#flushing) await this.#flushing;
    if (this.#failure) throw this.#failure;
    await this.#store.write([[INDEXED_TO_KEY, bytesOf(this.#indexedTo)]], false);
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.#store.close();
    }
  }

  async #flush(): Promise<void> {
    try {
      while (this.#waiting.size > 0) {
        this.#writing = this.#waiting;
        this.#waiting = new Map();
        await this.#store.write(pairsOf(this.#writing, this.#indexedTo), false);
        this.#writing = new Map();
      }
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#flushing = undefined;
    }
  }
}

function* pairsOf(
  bookmarks: Map<string, Bookmark>,
  indexedTo: number,
): Generator<readonly [Uint8Array, Uint8Array]> {
  for (const [key, entry] of bookmarks.values()) yield [key, bytesOf(entry)];
  yield [INDEXED_TO_KEY, bytesOf(indexedTo)];
}

/** A key as text, for use in a map. */
export function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

function bytesOf(number: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeUInt32BE(Math.floor(number / 2 ** 32), 0);
  bytes.writeUInt32BE(number % 2 ** 32, 4);
  return bytes;
}

function numberOf(bytes: Uint8Array): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.readUInt32BE(0) * 2 ** 32 + buffer.readUInt32BE(4);
}
