/** A stream file that is open: its public face. The work is done by the reader, the writer and the bookmark index. */
import { basename } from 'node:path';
import { isUint8Array } from 'node:util/types';

import {
  BOOKMARK_ENTRY_TYPE,
  checkBookmark,
  checkEntry,
  CodecError,
  entryAt,
  entryLengthAt,
  entryNumberAt,
  entryTypeAt,
  type Entry,
  type EntryBatch,
  type Header,
  type SourceAdditions,
  type StreamIdentity,
} from '@ds/codec';

import { BookmarkIndex, ownerOf, type BookmarkStore } from './bookmarks/bookmark-index.js';
import { sharingFile } from './bookmarks/bookmark-owner.js';
import { catchUp } from './bookmarks/bookmark-scan.js';
import { BookmarkStoreLocked, openLevelBookmarkStore } from './bookmarks/level-bookmark-store.js';
import type { CommitWaiter } from './commits/commit-group.js';
import { finishPendingUpdate } from './commits/pending-update.js';
import { Writer, type Commit, type Durability, type WriterEvents } from './commits/writer.js';
import type { Disk, DiskFile } from './disk/disk.js';
import { nodeDisk } from './disk/node-disk.js';
import { ioError, StreamFileError } from './errors.js';
import type { Operation } from './journal/journal-format.js';
import { Journal } from './journal/journal.js';
import { OperationWitness } from './journal/operation-witness.js';
import { checkBeginning, checkOptions } from './opening/checks.js';
import { createStreamFile } from './opening/creation.js';
import { describeLock, removeHolder, writeHolder } from './opening/holder.js';
import { recover, type ProgressListener } from './opening/recovery.js';
import { removeFiles, removeStreamFile } from './opening/removal.js';
import { Geometry } from './pages/geometry.js';
import { verifyLastPage } from './pages/last-page.js';
import { PageDirectory } from './pages/page-directory.js';
import { PageStore, type CacheStatus } from './pages/page-store.js';
import { bookmarkPath } from './paths.js';
import { Reader, type Chunk, type Loan } from './reading/reader.js';

/** How a stream file is opened. */
export interface StreamFileOptions {
  /** Creates the file with this identity if it is not there; if it is, it must have this identity. */
  readonly create?: StreamIdentity | undefined;
  /** What a commit promises. Default `always`. */
  readonly durability?: Durability | undefined;
  /** How long `interval` collects commits, in milliseconds. Default 50. */
  readonly syncIntervalMs?: number | undefined;
  /** Bytes of commits waiting to be written above which `ready` waits, as it does above 2,048 commits. Default 2 MiB. */
  readonly windowBytes?: number | undefined;
  /** Pages kept in memory for readers, 1 MiB each. Default 32. */
  readonly cachePages?: number | undefined;
  /**
   * How long a page that was found to be what was written may be read again without a look at its checksums, in
   * milliseconds; 0 verifies whenever a page is read from the disk. Default one hour.
   */
  readonly verifyIntervalMs?: number | undefined;
  /** Told how far a check of the file, or a rebuild of its bookmark index, has come. */
  readonly onProgress?: ProgressListener | undefined;
  /** Told what writing costs, for metrics. */
  readonly observer?: StorageObserver | undefined;
  /** @internal Tests put another disk in place. */
  readonly disk?: Disk;
  /** @internal As `disk`. Rejects with `BookmarkStoreLocked` if the file has a writer. */
  readonly openBookmarkStore?: (path: string) => Promise<BookmarkStore>;
  /** @internal Tests use small pages, and sync more often. */
  readonly pageBytes?: number;
  /** @internal */
  readonly pagesToSync?: number;
}

/** Told what writing costs. Calls come from the midst of it: they must be quick and must not throw. */
export interface StorageObserver {
  /** A commit has become as durable as was promised, so long after it was asked for. */
  committed(latencyMs: number): void;
  /** The file was synced, which took so long. */
  synced(latencyMs: number): void;
}

/** Told how one commit has ended: within the call that ends it, and in the order of the commits. */
export interface CommitListener {
  /** It is as durable as was promised, and visible. */
  committed(): void;
  /** Nothing of it is in the stream. */
  refused(error: StreamFileError): void;
}

/** Told when the committed stream changes. */
export interface StreamFileListener {
  /** It has grown. */
  committed(): void;
  /** It was cut: what stood at `length` and behind it in the file is gone. `length` is a safe integer. */
  truncated(length: number): void;
  /**
   * What is committed is about to be changed in the file, by a truncation or an update, which waits for this: whoever reads
   * the file with a `StreamFileReader` can stand still meanwhile. Must not reject.
   */
  changing?(): Promise<void>;
  /** That is over, whatever has come of it. */
  changed?(): void;
}

interface Closable {
  close(): Promise<void>;
}

/** Pages of an operation that are kept in memory before they are written ahead of its commit. */
const SPILL_PAGES = 8;
/** Pages of commits after which durability `os` begins to sync. */
const PAGES_TO_SYNC = 16;
/** Most that `getDataBetweenBookmarks` gathers. */
const GATHERED_BYTES_MAX = 256 << 20;

/**
 * Paged, append-only storage of a stream: one writer, any number of readers in the same process.
 *
 * Entries are added within atomic operations, one at a time; readers see an operation when it is committed, and then
 * whole. All methods that fail throw or reject with a `StreamFileError`.
 */
export class StreamFile implements AsyncDisposable {
  /** Path of the file. */
  readonly path: string;
  /** What the stream is. */
  readonly identity: StreamIdentity;
  readonly #disk: Disk;
  readonly #file: DiskFile;
  readonly #store: PageStore;
  readonly #reader: Reader;
  readonly #writer: Writer;
  readonly #bookmarks: BookmarkIndex;
  readonly #journal: Journal;
  readonly #observer: StorageObserver | undefined;
  readonly #listeners = new Set<StreamFileListener>();
  #closed: Promise<void> | undefined;

  private constructor(parts: {
    path: string;
    identity: StreamIdentity;
    disk: Disk;
    file: DiskFile;
    store: PageStore;
    reader: Reader;
    bookmarks: BookmarkIndex;
    journal: Journal;
    observer: StorageObserver | undefined;
    makeWriter: (events: WriterEvents) => Writer;
  }) {
    this.path = parts.path;
    this.identity = parts.identity;
    this.#disk = parts.disk;
    this.#file = parts.file;
    this.#store = parts.store;
    this.#reader = parts.reader;
    this.#bookmarks = parts.bookmarks;
    this.#journal = parts.journal;
    this.#observer = parts.observer;
    this.#writer = parts.makeWriter({
      committed: () => {
        for (const listener of this.#listeners) listener.committed();
      },
      truncated: ({ length }) => {
        for (const listener of this.#listeners) listener.truncated(length);
      },
      changing: async () => {
        await Promise.all([...this.#listeners].flatMap((listener) => listener.changing?.() ?? []));
      },
      changed: () => {
        for (const listener of this.#listeners) listener.changed?.();
      },
      synced: (latencyMs) => this.#observer?.synced(latencyMs),
    });
  }

  /**
   * Opens a file for reading and writing, and recovers it if it was not closed cleanly.
   * Beside `NAME.bin` stands `NAME.db`, the bookmark index.
   * @throws {StreamFileError} `bad-option`, `not-found`, `not-a-stream-file`, `identity-mismatch`, `locked`, `damaged`,
   *   `disk-full` or `io`.
   */
  static async open(path: string, options: StreamFileOptions = {}): Promise<StreamFile> {
    const disk = options.disk ?? nodeDisk;
    checkOptions(options);
    await checkBeginning(disk, path, options);
    const bookmarkStore = await lock(disk, path, options.openBookmarkStore ?? openLevelBookmarkStore);
    const opened: Closable[] = [];
    try {
      const file = await openOrCreate(disk, path, options);
      opened.push(file);
      // Also of a file that is there: a program that was killed while it created it has not come to this.
      await disk.syncFolder(path);
      return await StreamFile.#assemble(disk, path, file, bookmarkStore, options, opened);
    } catch (error) {
      await inOrder([
        ...opened.map((each) => () => each.close()),
        () => removeHolder(disk, path),
        () => bookmarkStore.close(),
      ]);
      throw ioError(path, 'opening', error);
    }
  }

  /** What it opens is added to `opened`, to be closed if it fails. */
  static async #assemble(
    disk: Disk,
    path: string,
    file: DiskFile,
    bookmarkStore: BookmarkStore,
    options: StreamFileOptions,
    opened: Closable[],
  ): Promise<StreamFile> {
    const geometry = new Geometry(options.pageBytes);
    const where = { path, geometry };
    const bookmarks = new BookmarkIndex(bookmarkStore, basename(path));
    const { identity, headerPage, space, commit, lastSession, journal } = await recover(file, where, {
      accept(found) {
        if (options.create) checkIdentity(path, found, options.create);
      },
      verifyClosed: (closed) => verifyLastPage(disk, file, where, closed),
      forgetDerived: () => bookmarks.clear(),
      openJournal: async (end, last, session) => {
        const journal = await Journal.open(disk, path, end, last, session);
        opened.push(journal);
        return journal;
      },
      onProgress: options.onProgress,
    });
    const committed = commit.end;
    const directory = await PageDirectory.open(disk, path, geometry, lastSession);
    opened.push(directory);
    const lastPage = geometry.pageOf(committed.length);
    await directory.cut(lastPage, commit.session);
    await finishPendingUpdate(disk, path, file, committed.length, async ({ offset, entry, operationCrc }) => {
      await directory.forget(geometry.pageOf(offset));
      await journal.setCrc(entryNumberAt(entry, 0), operationCrc);
    });

    const cache = {
      pages: options.cachePages ?? 32,
      verifyIntervalMs: options.verifyIntervalMs ?? 3_600_000,
    };
    const witness = new OperationWitness(journal, directory, file, where);
    const store = new PageStore(file, where, directory, cache, witness);
    store.advance(committed);
    const reader = new Reader(file, store);
    const tail = geometry.offsetInPage(committed.length) === 0 ? undefined : await store.get(lastPage);
    if (tail) store.hold(tail);
    if (!bookmarks.isUsable || bookmarks.indexedTo > committed.entries) await bookmarks.clear();
    await catchUp(bookmarks, reader, committed, options.onProgress);

    const writerOptions = {
      durability: options.durability ?? 'always',
      syncIntervalMs: options.syncIntervalMs ?? 50,
      windowBytes: options.windowBytes ?? 2 << 20,
      spillPages: SPILL_PAGES,
      pagesToSync: options.pagesToSync ?? PAGES_TO_SYNC,
    };
    const makeWriter = (events: WriterEvents): Writer =>
      new Writer(
        { path, disk, file, space, headerPage, store, reader, bookmarks, journal, events },
        writerOptions,
        commit,
        tail,
      );
    const { observer } = options;
    return new StreamFile({
      path,
      identity,
      disk,
      file,
      store,
      reader,
      bookmarks,
      journal,
      observer,
      makeWriter,
    });
  }

  /**
   * Removes a file that nobody has open, with everything beside it.
   * @param options as it is opened with
   * @throws {StreamFileError} `locked`
   */
  static async remove(path: string, options: StreamFileOptions = {}): Promise<void> {
    const { disk = nodeDisk, openBookmarkStore } = options;
    const bookmarkStore = await lock(disk, path, openBookmarkStore ?? openLevelBookmarkStore);
    if (openBookmarkStore) await bookmarkStore.clear();
    await bookmarkStore.close();
    await (openBookmarkStore ? removeFiles(disk, path) : removeStreamFile(path));
  }

  /** Identity and committed size. */
  get header(): Header {
    const { length, entries } = this.#store.committed;
    return { ...this.identity, totalLength: BigInt(length), totalEntries: BigInt(entries) };
  }

  /** Bytes of the file that are committed: where a reader at the stream's end stands. A safe integer. */
  get committedLength(): number {
    return this.#store.committed.length;
  }

  /** Number that the next entry gets, open and waiting operations counted. A u64. */
  get nextEntry(): bigint {
    return BigInt(this.#writer.nextEntry);
  }

  /** Whether an atomic operation is open. */
  get operationOpen(): boolean {
    return this.#writer.operationOpen;
  }

  /** Highest epoch of a source that this stream has had. A u64. */
  get epoch(): bigint {
    return this.#writer.epoch;
  }

  /** The failed write that has ended writing, if there was one. */
  get failure(): StreamFileError | undefined {
    return this.#writer.failure;
  }

  /**
   * What keeping pages in memory has brought since the file was opened: how often a page that was asked for was there
   * (`hits`) and how often not; and what it costs: bytes of memory, and pages of which views are on loan.
   */
  get cache(): CacheStatus {
    return this.#store.status;
  }

  /** Registers a listener; the function returned removes it. Listeners are called at once and must not throw. */
  listen(listener: StreamFileListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether so many commits, or bytes of them, wait to be written that `ready` would wait. */
  get congested(): boolean {
    return this.#writer.congested;
  }

  /** Resolves when few enough commits wait to be written. Whoever does not wait for it lets memory grow. */
  ready(): Promise<void> {
    return this.#writer.ready();
  }

  /**
   * Opens an atomic operation.
   * @throws {StreamFileError} `operation-open`, `closed`, `disk-full`, or the failure that has ended writing.
   */
  startAtomicOp(): void {
    this.#writer.startOperation();
  }

  /**
   * Adds an entry to the open operation; returns the number it will have.
   * @throws {StreamFileError} `no-operation`, `bad-entry`, or what has spoiled the operation, such as `disk-full`.
   */
  addStreamEntry(type: number, data: Uint8Array): bigint {
    try {
      checkBytes('bad-entry', data);
      checkEntry(type, data);
    } catch (error) {
      throw refusal('bad-entry', error);
    }
    return BigInt(this.#writer.addEntry(type, data, 0, data.length));
  }

  /**
   * Adds a bookmark to the open operation: an entry of its own, found by its key once committed. Returns its number.
   * @throws {StreamFileError} `no-operation`, `bad-bookmark`, or what has spoiled the operation.
   */
  addStreamBookmark(key: Uint8Array): bigint {
    try {
      checkBytes('bad-bookmark', key);
      checkBookmark(key);
    } catch (error) {
      throw refusal('bad-bookmark', error);
    }
    return BigInt(this.#writer.addBookmark(key, 0, key.length));
  }

  /**
   * Adds the entries and bookmarks of a source's messages to the open operation, straight from what was received.
   * @throws {StreamFileError} as `addStreamEntry`; what stood before the message that is refused has been added.
   */
  addStreamMessages(additions: SourceAdditions): void {
    this.#writer.addMessages(additions);
  }

  /**
   * Adds entries of another stream to the open operation, byte for byte, bookmarks included.
   * @throws {StreamFileError} `no-operation`, `bad-sequence` if they do not go on where this stream ends, or what has
   * spoiled the operation.
   */
  addStreamBatch(batch: EntryBatch): void {
    this.#writer.addBatch(batch);
  }

  /**
   * Commits the open operation. Resolves when it is as durable as was promised, and visible.
   * @param commitTimeMs when it was committed, if that was elsewhere, in milliseconds since 1970, a u64; 0 if these are
   * entries whose operations are not known
   */
  commitAtomicOp(commitTimeMs?: bigint): Promise<Commit> {
    return new Promise((resolve, reject) => {
      this.#commit(new PromisedCommit(resolve, reject), commitTimeMs);
    });
  }

  /** As `commitAtomicOp`, for many small operations: no promise is made. The listener must not throw. */
  commitAtomicOpFor(listener: CommitListener): void {
    this.#commit(listener);
  }

  #commit(waiter: CommitWaiter, commitTimeMs?: bigint): void {
    const timeMs = commitTimeMs === undefined ? Date.now() : Number(commitTimeMs);
    this.#writer.commitOperation(timeMs, this.#observer ? timed(waiter, this.#observer) : waiter);
  }

  /**
   * Rolls the open operation back, as if it had never been.
   * @throws {StreamFileError} `no-operation`
   */
  rollbackAtomicOp(): void {
    this.#writer.rollbackOperation();
  }

  /**
   * Cuts the stream: entry `entryNumber` and all after it go, durably.
   * Rejects with `entry-not-found` or `operation-open`.
   */
  truncateFile(entryNumber: bigint): Promise<void> {
    return this.#writer.truncate(Number(entryNumber));
  }

  /**
   * Replaces a committed entry's data by data of the same length, durably.
   * Rejects with `entry-not-found`, `update-mismatch`, `bad-entry` (a bookmark) or `operation-open`.
   */
  async updateEntryData(entryNumber: bigint, type: number, data: Uint8Array): Promise<void> {
    if (type === BOOKMARK_ENTRY_TYPE) throw new StreamFileError('bad-entry', 'a bookmark cannot be updated');
    checkBytes('bad-entry', data);
    await this.#writer.update(Number(entryNumber), type, data);
  }

  /** Remembers durably that sources with a lower epoch are fenced off. */
  raiseEpoch(epoch: bigint): Promise<void> {
    return this.#writer.raiseEpoch(epoch);
  }

  /** The committed entry with this number. Its data is a view that stays what it is. */
  async getEntry(entryNumber: bigint): Promise<Entry | undefined> {
    const bytes = await this.getEntryBytes(entryNumber);
    return bytes && entryAt(bytes, 0);
  }

  /** The committed entry with this number as it stands in the file; it stays what it is. At once where it is found at once. */
  getEntryBytes(entryNumber: bigint): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    this.#checkOpen();
    if (entryNumber >= BigInt(this.#store.committed.entries)) return undefined;
    return this.#reader.entry(Number(entryNumber));
  }

  /**
   * Number of the newest committed entry with this bookmark.
   * @throws {StreamFileError} `bad-bookmark` or `io`
   */
  getBookmark(key: Uint8Array): bigint | undefined {
    this.#checkOpen();
    try {
      checkBytes('bad-bookmark', key);
      checkBookmark(key);
    } catch (error) {
      throw refusal('bad-bookmark', error);
    }
    let entry: number | undefined;
    try {
      entry = this.#bookmarks.get(key);
    } catch (error) {
      throw ioError(bookmarkPath(this.path), 'looking up a bookmark', error);
    }
    return entry !== undefined && entry < this.#store.committed.entries ? BigInt(entry) : undefined;
  }

  /**
   * The operation that the committed entry with this number belongs to, or the range that was taken over with it; undefined
   * if there is no such entry. Going on with its `nextEntry` gives one operation after the other, from memory for the most
   * part. Operations that were committed last before a power cut may be in a range that was taken over.
   * @throws {StreamFileError} `io`
   */
  operationAt(entryNumber: bigint): Operation | undefined {
    this.#checkOpen();
    const { committed } = this.#store;
    if (entryNumber < 0n || entryNumber >= BigInt(committed.entries)) return undefined;
    return this.#journal.operationAt(Number(entryNumber), committed);
  }

  /** The first entry at or after a bookmark that is not a bookmark itself. */
  async getFirstEventAfterBookmark(key: Uint8Array): Promise<Entry | undefined> {
    const bytes = await this.getFirstEventBytesAfterBookmark(key);
    return bytes && entryAt(bytes, 0);
  }

  /** As `getFirstEventAfterBookmark`, as it stands in the file: a view. */
  async getFirstEventBytesAfterBookmark(key: Uint8Array): Promise<Uint8Array | undefined> {
    const from = this.getBookmark(key);
    return from === undefined ? undefined : this.#reader.firstEvent(Number(from));
  }

  /**
   * The data of all entries from one bookmark up to another, bookmarks left out, back to back in a new array.
   * Rejects with `entry-not-found` if a bookmark is not known or `to` stands before `from`, `too-large` over 256 MiB.
   */
  async getDataBetweenBookmarks(from: Uint8Array, to: Uint8Array): Promise<Uint8Array> {
    const first = this.#bookmarkOrThrow(from);
    const end = this.#bookmarkOrThrow(to);
    if (end < first) {
      throw new StreamFileError(
        'entry-not-found',
        `bookmark ${hex(to)} (entry ${end}) stands before ${hex(from)} (entry ${first})`,
      );
    }
    const parts: Uint8Array[] = [];
    let total = 0;
    for await (const { bytes } of this.#reader.chunks(Number(first), Number(end))) {
      for (let at = 0; at < bytes.length; at += entryLengthAt(bytes, at)) {
        if (entryTypeAt(bytes, at) === BOOKMARK_ENTRY_TYPE) continue;
        const { data } = entryAt(bytes, at);
        total += data.length;
        parts.push(data);
      }
      if (total > GATHERED_BYTES_MAX) {
        throw new StreamFileError(
          'too-large',
          `more than ${GATHERED_BYTES_MAX} bytes stand between the bookmarks: read them as entries`,
        );
      }
    }
    return Buffer.concat(parts, total);
  }

  /** Where in the file an entry stands, for `read`; the end for the next entry; undefined beyond. A safe integer. */
  async offsetOf(entryNumber: bigint): Promise<number | undefined> {
    this.#checkOpen();
    if (entryNumber < 0n || entryNumber > BigInt(this.#store.committed.entries)) return undefined;
    return this.#reader.offsetOf(Number(entryNumber));
  }

  /**
   * Whole committed entries from `offset` on, as they stand in the file, on loan: at most `bytesMax` bytes, or one entry that
   * is larger; undefined at the stream's end. At once where the page is in memory.
   *
   * A loan that is held long costs the memory of a page. When too many are out, there are smaller ones that cost their size.
   * @param offset a safe integer that `offsetOf`, `committedLength` or an earlier loan gave
   */
  borrow(offset: number, bytesMax: number): Loan | undefined | Promise<Loan | undefined> {
    this.#checkOpen();
    return this.#reader.borrow(offset, bytesMax);
  }

  /**
   * Committed bytes from `offset` on, entries as they stand in the file, at most `bytesMax`, which may cut the last one;
   * undefined at the stream's end. At once where the page is in memory.
   * @param offset a safe integer that `offsetOf`, `committedLength` or an earlier chunk gave
   */
  read(offset: number, bytesMax: number): Chunk | undefined | Promise<Chunk | undefined> {
    this.#checkOpen();
    return this.#reader.read(offset, bytesMax);
  }

  /** Rolls back what is open, writes what waits, and closes the file so that the next open need not check it. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const failures = await inOrder([
      () => this.#writer.close(),
      () => {
        if (!this.#writer.failure) this.#store.describeTail();
      },
      () => this.#store.settled(),
      () => this.#store.directory.close(),
      () => this.#journal.close(),
      () => this.#bookmarks.flush(),
      () => this.#file.close(),
      () => removeHolder(this.#disk, this.path),
      () => this.#bookmarks.close(),
    ]);
    if (failures.length > 0) throw ioError(this.path, 'closing', failures[0]);
  }

  #checkOpen(): void {
    if (this.#closed) throw new StreamFileError('closed', `${this.path} is closed`);
  }

  #bookmarkOrThrow(key: Uint8Array): bigint {
    const entry = this.getBookmark(key);
    if (entry === undefined)
      throw new StreamFileError('entry-not-found', `bookmark ${hex(key)} is not known`);
    return entry;
  }
}

/** @throws {StreamFileError} `locked`, `identity-mismatch` if the bookmark folder is another file's, or `io` */
export async function lock(
  disk: Disk,
  path: string,
  open: (path: string) => Promise<BookmarkStore>,
): Promise<BookmarkStore> {
  let store: BookmarkStore;
  try {
    store = await open(bookmarkPath(path));
  } catch (error) {
    if (!(error instanceof BookmarkStoreLocked))
      throw ioError(bookmarkPath(path), 'opening the bookmark index', error);
    const readable = { openReadOnly: (name: string) => disk.open(name) };
    throw new StreamFileError('locked', await describeLock(readable, path), { cause: error });
  }
  try {
    await checkOwner(disk, path, store);
  } catch (error) {
    await store.close();
    throw ioError(bookmarkPath(path), 'opening the bookmark index', error);
  }
  await writeHolder(disk, path);
  return store;
}

/** Files whose names differ in their last extension share a bookmark folder: only one of them may have it. */
async function checkOwner(disk: Disk, path: string, store: BookmarkStore): Promise<void> {
  const other = await sharingFile(path, ownerOf(store), (name) => isThere(disk, name));
  if (other === undefined) return;
  throw new StreamFileError(
    'identity-mismatch',
    `${bookmarkPath(path)} has the bookmarks of ${other}, and cannot have those of ${path} as well: give one of the ` +
      `files a name that differs in more than its extension`,
  );
}

async function isThere(disk: Disk, path: string): Promise<boolean> {
  try {
    await (await disk.open(path)).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Takes each step whatever became of the one before; returns what failed. The bookmark store is the lock, and so goes last. */
async function inOrder(steps: readonly (() => Promise<void> | undefined)[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const step of steps) await step()?.catch((error: unknown) => failures.push(error));
  return failures;
}

async function openOrCreate(
  disk: Disk,
  path: string,
  { create, pageBytes }: StreamFileOptions,
): Promise<DiskFile> {
  try {
    return await openFile(disk, path);
  } catch (error) {
    if (!create || !(error instanceof StreamFileError) || error.code !== 'not-found') throw error;
    await createStreamFile(disk, path, new Geometry(pageBytes), create);
    return openFile(disk, path);
  }
}

async function openFile(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path);
  } catch (error) {
    throw ioError(path, 'opening', error);
  }
}

function checkIdentity(path: string, found: StreamIdentity, wanted: StreamIdentity): void {
  for (const field of ['systemId', 'streamType', 'version'] as const) {
    if (found[field] === wanted[field]) continue;
    throw new StreamFileError(
      'identity-mismatch',
      `${path} is another stream: its ${field} is ${found[field]}, not ${wanted[field]}`,
    );
  }
}

/** Text, say, would be taken for so many zeros. */
function checkBytes(code: 'bad-entry' | 'bad-bookmark', bytes: unknown): void {
  if (isUint8Array(bytes)) return;
  const name = code === 'bad-entry' ? 'data' : 'key';
  throw new StreamFileError(code, `${name} is not a Uint8Array`);
}

function refusal(code: 'bad-entry' | 'bad-bookmark', error: unknown): unknown {
  return error instanceof CodecError ? new StreamFileError(code, error.message, { cause: error }) : error;
}

function hex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

/** Settles the promise of a commit. */
class PromisedCommit implements CommitWaiter {
  readonly #resolve: (commit: Commit) => void;
  readonly refused: (error: StreamFileError) => void;

  constructor(resolve: (commit: Commit) => void, reject: (error: StreamFileError) => void) {
    this.#resolve = resolve;
    this.refused = reject;
  }

  committed(firstEntry: number, nextEntry: number): void {
    this.#resolve({ firstEntry: BigInt(firstEntry), nextEntry: BigInt(nextEntry) });
  }
}

/** Tells the observer how long the commit takes, too. */
function timed(waiter: CommitWaiter, observer: StorageObserver): CommitWaiter {
  const begunMs = performance.now();
  return {
    committed(firstEntry, nextEntry) {
      observer.committed(performance.now() - begunMs);
      waiter.committed(firstEntry, nextEntry);
    },
    refused(error) {
      waiter.refused(error);
    },
  };
}
