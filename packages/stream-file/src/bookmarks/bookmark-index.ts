/**
 * Bookmarks: key -> number of the newest committed entry with that key.
 *
 * The index is derived from the stream. It follows behind it: what is committed stands in memory at once and goes to the
 * store in batches, each of which also records how many entries of the stream the store knows (`indexedTo`). After a
 * crash the store is a little behind, never ahead, and the entries it misses are read from the stream again.
 */
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

/** A bookmark's key, as text of one character a byte, and the number of its entry, a safe integer. */
export type Bookmark = readonly [key: string, entry: number];

/** Under this key stands how many entries the index has taken in. Longer than any bookmark's key, so that it is none. */
export const INDEXED_TO_KEY = new TextEncoder().encode('data-stream:indexed-to');
/** How many bookmarks may wait in memory before commits wait for the store. */
const WAITING_MAX = 50_000;

/** What the index is to say of a key: the entry, or that there is none any more. */
export type Changes = Map<string, number | undefined>;

export class BookmarkIndex {
  readonly #store: BookmarkStore;
  /** Committed, and not on their way to the store. */
  #waiting: Changes = new Map();
  /** On their way to the store. */
  #writing: Changes = new Map();
  /** Whether the next write to the store must be durable, since the stream was cut. */
  #wasCut = false;
  #indexedTo: number;
  #isUsable: boolean;
  #flushing: Promise<void> | undefined;
  /** Why the last write to the store failed. It is tried again before the next commit. */
  #failure: Error | undefined;

  constructor(store: BookmarkStore) {
    this.#store = store;
    const indexedTo = store.get(INDEXED_TO_KEY);
    this.#indexedTo = indexedTo ? numberOf(indexedTo) : 0;
    this.#isUsable = indexedTo !== undefined;
  }

  /** Whether the index belongs to this package, rather than to another program or to nobody yet. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** How many entries of the stream the index has taken in. */
  get indexedTo(): number {
    return this.#indexedTo;
  }

  /** Number of the entry with this bookmark. */
  get(key: Uint8Array): number | undefined {
    const text = textOf(key);
    for (const recent of [this.#waiting, this.#writing]) if (recent.has(text)) return recent.get(text);
    const stored = this.#store.get(key);
    return stored && numberOf(stored);
  }

  /** Takes in committed bookmarks, oldest first, of a stream that now has `entries` entries. */
  add(bookmarks: readonly Bookmark[], entries: number): void {
    for (const [key, entry] of bookmarks) this.#waiting.set(key, entry);
    this.#indexedTo = entries;
    if (this.#waiting.size > 0) this.#flushing ??= this.#flush();
  }

  /** Resolves when few enough bookmarks wait in memory. Rejects if the store has failed and fails again. */
  async ready(): Promise<void> {
    if (this.#failure) await this.#flushAgain();
    while (this.#waiting.size > WAITING_MAX && this.#flushing) await this.#flushing;
    if (this.#failure) throw this.#failure;
  }

  /** Replaces what the stream's cut to `entries` entries has made wrong: each key's older entry, or none. Durable. */
  async repoint(changes: Changes, entries: number): Promise<void> {
    for (const [key, entry] of changes) this.#waiting.set(key, entry);
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
    this.#isUsable = false;
    await this.#store.write([[INDEXED_TO_KEY, undefined]], true);
    await this.#store.clear();
    this.#indexedTo = 0;
    await this.#store.write([[INDEXED_TO_KEY, bytesOf(0)]], false);
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
    while (this.#flushing) await this.#flushing;
    this.#flushing = this.#flush();
    await this.#flushing;
  }

  /** Always writes, if only how far the index has come. */
  async #flush(): Promise<void> {
    const durable = this.#wasCut;
    this.#failure = undefined;
    try {
      do {
        this.#writing = this.#waiting;
        this.#waiting = new Map();
        this.#wasCut = false;
        await this.#store.write(pairsOf(this.#writing, this.#indexedTo), durable);
        this.#writing = new Map();
      } while (this.#waiting.size > 0);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#waiting = new Map([...this.#writing, ...this.#waiting]);
      this.#writing = new Map();
      this.#wasCut = durable;
    }
    this.#flushing = undefined;
  }
}

function* pairsOf(
  changes: Changes,
  indexedTo: number,
): Generator<readonly [Uint8Array, Uint8Array | undefined]> {
  for (const [key, entry] of changes) {
    yield [Buffer.from(key, 'latin1'), entry === undefined ? undefined : bytesOf(entry)];
  }
  yield [INDEXED_TO_KEY, bytesOf(indexedTo)];
}

/** A key as text, one character a byte: cheaper to keep and to look up than bytes. */
export function textOf(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

function bytesOf(number: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeUInt32BE(Math.floor(number / 2 ** 32), 0);
  bytes.writeUInt32BE(number % 2 ** 32, 4);
  return bytes;
}

/** An entry number as the index stores it. */
export function numberOf(bytes: Uint8Array): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.readUInt32BE(0) * 2 ** 32 + buffer.readUInt32BE(4);
}
