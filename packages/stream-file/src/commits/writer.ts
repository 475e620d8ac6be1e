/**
 * Commits: makes what was added durable, then visible, in order.
 *
 * All that changes the file goes through one queue, worked off by one loop. Commits that wait together become one group:
 * their bytes are written, then the header page, then all is synced at once, then each is acknowledged. So a commit that
 * is acknowledged survives, and readers never see one that does not.
 *
 * When the disk is full, the waiting commits are refused and the stream is as if they had never been made. Any other
 * failed write or sync ends writing for good, since nobody can say what is on the disk; readers go on.
 *
 * A commit slot builds on what was durable before it. With durability `os` that may be many commits back, so the slot's
 * checksum covers all of them, and now and then all is synced after all, beside the commits, to bound how much that is.
 */
import {
  BOOKMARK_ENTRY_TYPE,
  ENTRY_HEAD_BYTES,
  ENTRY_PACKET,
  entryNumberAt,
  entryLengthAt,
  takeAdditions,
  type EntryBatch,
  type SourceAdditions,
} from '@ds/codec';

import type { BookmarkIndex } from '../bookmarks/bookmark-index.js';
import { BookmarkList } from '../bookmarks/bookmark-list.js';
import { collectBookmarks } from '../bookmarks/bookmark-scan.js';
import type { Disk, DiskFile } from '../disk/disk.js';
import type { FileSpace } from '../disk/file-space.js';
import { ioError, StreamFileError } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { PageStore } from '../pages/page-store.js';
import type { Page } from '../pages/page.js';
import type { Reader } from '../reading/reader.js';
import { Appender, type Spill } from './appender.js';
import { CommitGroup, type CommitWaiter } from './commit-group.js';
import { CommitRecords } from './commit-records.js';
import type { CommitRecord, HeaderPage } from './header-page.js';
import { Rewriter, type RewriterEvents } from './rewriter.js';

/** The entries that a commit has made part of the stream. */
export interface Commit {
  /** Number of the first one; that of the next entry if the operation was empty. A u64. */
  readonly firstEntry: bigint;
  /** Number of the entry behind the last one. A u64. */
  readonly nextEntry: bigint;
}

/** What a commit promises when it is acknowledged. */
export type Durability =
  /** It survives a power cut. Commits that wait together share one sync. */
  | 'always'
  /** As `always`, but commits are collected for a set time first: fewer syncs, later acknowledgements. */
  | 'interval'
  /** It survives the end of the process; of a power cut only what the operating system has written by then. */
  | 'os';

export interface WriterOptions {
  readonly durability: Durability;
  /** How long `interval` collects commits, in milliseconds. */
  readonly syncIntervalMs: number;
  /** Bytes of commits in waiting above which `ready` waits. */
  readonly windowBytes: number;
  /** Full pages of one operation kept in memory before they are written ahead. */
  readonly spillPages: number;
  /** Pages of commits after which `os` begins to sync. */
  readonly pagesToSync: number;
}

/** What listeners of the stream are told. */
export interface WriterEvents extends RewriterEvents {
  /** The committed stream has grown. */
  committed(): void;
  /** The file was synced, which took so long. */
  synced(latencyMs: number): void;
}

interface WriterParts {
  readonly path: string;
  readonly disk: Disk;
  readonly file: DiskFile;
  readonly space: FileSpace;
  readonly headerPage: HeaderPage;
  readonly store: PageStore;
  readonly reader: Reader;
  readonly bookmarks: BookmarkIndex;
  readonly journal: Journal;
  readonly events: WriterEvents;
}

/** Once so many times the pages that `os` syncs after are not durable, commits wait for the sync. */
const UNSYNCED_MAX = 4;

/**
 * Pages that a group may have to be written in the call itself. Up to a quarter, handing it to another thread takes longer
 * than copying it. If a sync follows, that is worth more: the next commits are to be made during the sync, not before it.
 */
const PAGES_AT_ONCE = 1 / 4;
const PAGES_AT_ONCE_BEFORE_SYNC = 2.5;

/** Groups of durability `os`, of which none may have waited for the disk, after which the event loop gets its turn. */
const JOBS_IN_TURN = 256;

/** Commits in waiting above which `ready` waits. To keep more of them in memory takes longer than larger groups save. */
const COMMITS_WAITING_MAX = 2048;

const EPOCH_MAX = 2n ** 64n - 1n;

/** Something to be done alone. */
type Task = () => Promise<void>;

export class Writer {
  readonly #parts: WriterParts;
  readonly #options: WriterOptions;
  /** Bytes that a group may have to be written in the call itself. */
  readonly #writtenAtOnce: number;
  readonly #appender: Appender;
  readonly #records: CommitRecords;
  readonly #rewriter: Rewriter;
  /** Whether refused commits have left bytes behind the stream's end that could not be removed yet. */
  #tailIsDirty = false;
  /** The commits that are being written, and those that are as durable as was promised and not visible yet. */
  #writing: CommitGroup | undefined;
  #written: CommitGroup | undefined;
  #queue: (CommitGroup | Task)[] = [];
  #running: Promise<void> | undefined;
  /** Ends the wait of `interval` early. */
  #hurry: (() => void) | undefined;
  /** Called when something has been written, or refused. */
  #progressWaiters: (() => void)[] = [];
  #closing = false;
  /** Groups and tasks that were worked off, with durability `os`. */
  #jobs = 0;
  /** Tasks that have been asked for and are not done: no operation may be open meanwhile. */
  #tasks = 0;
  /** Bookmarks that are not committed: of the operations that wait, and of the open one. */
  readonly #bookmarks = new BookmarkList();
  readonly #taker = {
    takeEntry: (type: number, bytes: Uint8Array, from: number, to: number): void => {
      this.addEntry(type, bytes, from, to);
    },
    takeBookmark: (bytes: Uint8Array, from: number, to: number): void => {
      this.addBookmark(bytes, from, to);
    },
  };
  /** Why the open operation cannot be committed any more. */
  #operationFailure: StreamFileError | undefined;
  /** Why nothing can be written any more. */
  #failure: StreamFileError | undefined;

  constructor(parts: WriterParts, options: WriterOptions, record: CommitRecord, tail: Page | undefined) {
    this.#parts = parts;
    this.#options = options;
    this.#writtenAtOnce =
      parts.store.location.geometry.pageBytes *
      (options.durability === 'os' ? PAGES_AT_ONCE : PAGES_AT_ONCE_BEFORE_SYNC);
    this.#records = new CommitRecords(parts.file, parts.headerPage, record, (latencyMs) => {
      parts.events.synced(latencyMs);
    });
    this.#appender = new Appender(parts, options.spillPages, record.end, tail);
    this.#rewriter = new Rewriter(parts, this.#records, this.#appender, (doing, steps) =>
      this.#fatally(doing, steps),
    );
  }

  get epoch(): bigint {
    return this.#records.last.epoch;
  }

  get failure(): StreamFileError | undefined {
    return this.#failure;
  }

  /** Number that the next entry gets, the open operation's and all waiting ones counted. */
  get nextEntry(): number {
    return this.#appender.nextEntry;
  }

  get operationOpen(): boolean {
    return this.#appender.operationStart !== undefined || this.#operationFailure !== undefined;
  }

  /** Bytes of commits that wait, those apart that are being written: so the next ones gather while a sync is under way. */
  get waitingBytes(): number {
    const written = (this.#writing ?? this.#written)?.endLength ?? this.#parts.store.committed.length;
    return this.#appender.settledLength - written;
  }

  /** Whether too much waits. */
  get congested(): boolean {
    if (this.#running === undefined) return false;
    const newest = this.#queue.at(-1);
    const commits = newest instanceof CommitGroup ? newest.commits : 0;
    return commits > COMMITS_WAITING_MAX || this.waitingBytes > this.#options.windowBytes;
  }

  /** Resolves when little enough waits. */
  async ready(): Promise<void> {
    while (this.congested) {
      this.#hurry?.();
      await new Promise<void>((resolve) => this.#progressWaiters.push(resolve));
    }
  }

  startOperation(): void {
    this.#checkUsable();
    if (this.operationOpen) {
      throw new StreamFileError(
        'operation-open',
        'an atomic operation is open: commit it or roll it back first',
      );
    }
    if (this.#tasks > 0) {
      throw new StreamFileError(
        'operation-open',
        'a truncation, an update or a new epoch is under way: wait for it first',
      );
    }
    try {
      this.#cleanTail();
    } catch (cause) {
      throw ioError(this.#parts.path, 'removing what could not be written', cause);
    }
    this.#appender.startOperation();
  }

  /** Adds an entry; returns its number. Type and length were checked, and the data stand in `bytes[from..to)`. */
  addEntry(type: number, bytes: Uint8Array, from: number, to: number): number {
    if (type === BOOKMARK_ENTRY_TYPE) {
      throw new StreamFileError(
        'bad-entry',
        `entry type ${type} is kept for bookmarks: add one with addStreamBookmark`,
      );
    }
    return this.#add(type, bytes, from, to);
  }

  /** Adds a bookmark; returns the number of its entry. The length was checked, and the key stands in `bytes[from..to)`. */
  addBookmark(bytes: Uint8Array, from: number, to: number): number {
    const entry = this.#add(BOOKMARK_ENTRY_TYPE, bytes, from, to);
    this.#bookmarks.add(bytes, from, to - from, entry);
    return entry;
  }

  /** Adds what a source's messages add, as they came. */
  addMessages(additions: SourceAdditions): void {
    takeAdditions(additions, this.#taker);
  }

  #add(type: number, bytes: Uint8Array, from: number, to: number): number {
    this.#checkOperation();
    const { pageBytes } = this.#parts.store.location.geometry;
    if (ENTRY_HEAD_BYTES + to - from > pageBytes) {
      throw new StreamFileError('bad-entry', `${to - from} bytes of data do not fit a page of ${pageBytes}`);
    }
    try {
      return this.#appender.append(type, bytes, from, to);
    } catch (cause) {
      throw this.#spoilOperation(cause);
    }
  }

  /** Adds entries as another stream has them. Their numbers must go on where this stream ends. */
  addBatch({ bytes, firstEntry }: EntryBatch): void {
    this.#checkOperation();
    if (firstEntry !== BigInt(this.nextEntry)) {
      throw new StreamFileError(
        'bad-sequence',
        `entry ${firstEntry} does not follow entry ${this.nextEntry - 1}`,
      );
    }
    checkBatch(bytes, this.nextEntry, this.#parts.store.location.geometry.pageBytes);
    collectBookmarks(bytes, this.#bookmarks);
    try {
      this.#appender.appendEncoded(bytes);
    } catch (cause) {
      throw this.#spoilOperation(cause);
    }
  }

  /**
   * Ends the operation; `waiter` is told when it is as durable as was promised, and visible.
   * @param timeMs when it was committed, in milliseconds since 1970; 0 if its entries are taken over
   */
  commitOperation(timeMs: number, waiter: CommitWaiter): void {
    const failure = this.#operationFailure ?? this.#noOperation();
    this.#operationFailure = undefined;
    if (failure) {
      waiter.refused(failure);
      return;
    }
    const { start, end, spill } = this.#appender.endOperation();
    let group = this.#queue.at(-1);
    if (!(group instanceof CommitGroup) || group.spill || spill) {
      group = new CommitGroup(start, spill);
      this.#enqueue(group);
    }
    group.add(end, timeMs, waiter, this.#parts.store);
  }

  /** Ends the operation as if it had never been. */
  rollbackOperation(): void {
    if (this.#operationFailure) {
      this.#operationFailure = undefined;
      return;
    }
    this.#checkOperation();
    const { path, space, store } = this.#parts;
    const { start, spill } = this.#appender.endOperation();
    this.#bookmarks.cut(start.entries);
    this.#appender.rewind(start);
    if (!spill) return;
    try {
      // What was written ahead stands in pages of its own.
      space.wipe(store.location.geometry.gridSize(start.length));
    } catch (error) {
      this.#fail(ioError(path, 'removing what an operation had written ahead', error));
    }
  }

  /** Cuts the stream so that `entry` is the next one. */
  truncate(entry: number): Promise<void> {
    return this.#exclusively(() => this.#rewriter.truncate(entry));
  }

  /** Replaces the data of a committed entry by data of the same length. */
  update(entry: number, type: number, data: Uint8Array): Promise<void> {
    return this.#exclusively(() => this.#rewriter.update(entry, type, data));
  }

  /** Remembers, durably, that sources below `epoch` are fenced off. */
  raiseEpoch(epoch: bigint): Promise<void> {
    return this.#exclusively(async () => {
      if (epoch <= this.epoch) return;
      if (epoch > EPOCH_MAX) throw new RangeError(`epoch ${epoch} is not a u64`);
      await this.#fatally('recording the epoch', () => this.#records.mark({ epoch }));
    });
  }

  /** Rolls back what is open, waits for what is queued, and marks the file as closed cleanly. */
  async close(): Promise<void> {
    if (this.operationOpen) this.rollbackOperation();
    this.#closing = true;
    this.#hurry?.();
    await this.#running;
    await this.#records.settled();
    if (this.#failure) return;
    this.#cleanTail();
    await this.#records.mark({ clean: true });
  }

  #checkUsable(): void {
    if (this.#closing) throw new StreamFileError('closed', `${this.#parts.path} is closed`);
    if (this.#failure) throw this.#failure;
  }

  #checkOperation(): void {
    const failure = this.#operationFailure ?? this.#noOperation();
    if (failure) throw failure;
  }

  #noOperation(): StreamFileError | undefined {
    if (this.#appender.operationStart) return undefined;
    return new StreamFileError('no-operation', 'no atomic operation is open');
  }

  /** A page of the operation could not be written ahead. If the disk is full, that spoils the operation and nothing else. */
  #spoilOperation(cause: unknown): StreamFileError {
    const error = ioError(this.#parts.path, 'writing an operation ahead', cause);
    if (error.code !== 'disk-full') return this.#fail(error);
    this.rollbackOperation();
    this.#operationFailure ??= error;
    return error;
  }

  #enqueue(job: CommitGroup | Task): void {
    this.#queue.push(job);
    this.#running ??= this.#run();
  }

  /** Runs a task alone: behind all commits that wait, and with no operation open. */
  async #exclusively(task: Task): Promise<void> {
    this.#checkUsable();
    if (this.operationOpen) {
      throw new StreamFileError(
        'operation-open',
        'an atomic operation is open: commit it or roll it back first',
      );
    }
    this.#tasks++;
    return new Promise<void>((resolve, reject) => {
      this.#enqueue(async () => {
        try {
          this.#checkUsableInQueue();
          await task();
          resolve();
        } catch (error) {
          reject(ioError(this.#parts.path, 'writing', error));
        } finally {
          this.#tasks--;
        }
      });
    });
  }

  #checkUsableInQueue(): void {
    if (this.#failure) throw this.#failure;
  }

  /**
   * Works off the queue. From the end of one sync to the beginning of the next one nothing is done without need: the disk
   * would be idle meanwhile. So a group is made visible when the next one is being synced, and what whoever is told of it
   * commits then gathers for the one after that.
   */
  async #run(): Promise<void> {
    // Lets the commits of one turn of the event loop become one group.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      if (this.#queue[0] instanceof CommitGroup && this.#options.durability === 'interval' && !this.#closing)
        await this.#collect();
      const job = this.#queue.shift();
      if (!(job instanceof CommitGroup)) await job?.();
      else if (job.isEmpty || (await this.#writeGroup(job))) {
        this.#publish();
        this.#written = job;
      }
      if (!(this.#options.durability === 'always' && this.#queue[0] instanceof CommitGroup)) this.#publish();
      if (this.#options.durability !== 'os') continue;
      const stalled = this.#syncBeside();
      if (stalled) await stalled;
      // Whoever waits for each commit before making the next would otherwise let nothing else of the process run.
      if (++this.#jobs % JOBS_IN_TURN === 0) await new Promise(setImmediate);
    }
    // At once, and not when the promise is settled: a job that is queued in between would wait for ever.
    this.#running = undefined;
    this.#tellProgress();
  }

  #tellProgress(): void {
    if (this.#progressWaiters.length === 0) return;
    const waiters = this.#progressWaiters;
    this.#progressWaiters = [];
    for (const resolve of waiters) resolve();
  }

  /** Waits for more commits to join. */
  #collect(): Promise<void> {
    return new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.syncIntervalMs);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    }).then(() => {
      this.#hurry = undefined;
    });
  }

  /** Writes a group and makes it as durable as was promised, or refuses it; returns whether it was written. */
  async #writeGroup(group: CommitGroup): Promise<boolean> {
    const { path, file, space, store, bookmarks, journal } = this.#parts;
    const { start, end, operations, sums } = group;
    this.#writing = group;
    let phase: 'writing' | 'committing' = 'writing';
    try {
      this.#checkUsableInQueue();
      if (!bookmarks.isReady) await this.#meanwhile(bookmarks.ready());
      space.ensure(end.length);
      const isAtOnce = end.length - start.length <= this.#writtenAtOnce;
      for (const { page, from, to } of store.heldPieces(start.length, end.length)) {
        const at = store.location.geometry.pageStart(page.index) + from;
        const bytes = page.bytes.subarray(from, to);
        if (isAtOnce) file.writeSync(at, bytes);
        else await this.#meanwhile(file.write(at, bytes));
      }
      this.#checkUsableInQueue();
      phase = 'committing';
      journal.append(start, operations, sums.operations);
      this.#records.add(end, sums.data);
      if (this.#options.durability !== 'os') await this.#meanwhile(this.#records.sync());
      return true;
    } catch (cause) {
      this.#publish();
      this.#writing = undefined;
      const error = ioError(path, `${phase} entries ${start.entries} to ${end.entries - 1}`, cause);
      // Once the header page is being written, the commit may be on the disk whatever is reported.
      if (phase === 'writing' && error.code === 'disk-full') {
        group.refused(error);
        this.#abandon(error);
      } else {
        group.refused(this.#fail(error));
      }
      return false;
    }
  }

  /** Makes the group that was written visible, if there is one, and tells everybody. */
  #publish(): void {
    const group = this.#written;
    if (!group) return;
    const { store, bookmarks, events } = this.#parts;
    if (this.#writing === group) this.#writing = undefined;
    this.#written = undefined;
    if (!group.isEmpty) {
      const { end, spill } = group;
      store.advance(end);
      this.#describe(spill);
      bookmarks.add(this.#bookmarks, end.entries);
      events.committed();
    }
    group.committed();
    this.#tellProgress();
  }

  /** Tells the directory what the pages hold that were written ahead. */
  #describe(spill: Spill | undefined): void {
    if (!spill) return;
    const { store } = this.#parts;
    const first = store.location.geometry.pageOf(spill.length) - spill.rows.length;
    for (const [nth, row] of spill.rows.entries()) store.directory.put(first + nth, row);
  }

  /** Bounds how much is not durable: syncs while more is committed. A promise if that must wait meanwhile. */
  #syncBeside(): Promise<void> | undefined {
    const { geometry } = this.#parts.store.location;
    const bytes = this.#records.unsyncedBytes;
    const bytesToSync = this.#options.pagesToSync * geometry.pageBytes;
    if (bytes < bytesToSync || (this.#records.isSyncing && bytes < UNSYNCED_MAX * bytesToSync))
      return undefined;
    const syncing = this.#records.syncBeside().catch((cause: unknown) => {
      this.#fail(ioError(this.#parts.path, 'syncing', cause));
    });
    return bytes < UNSYNCED_MAX * bytesToSync ? undefined : syncing;
  }

  /** While the disk is at work: what was written before is made visible, and the next commits can gather. */
  #meanwhile(work: Promise<void>): Promise<void> {
    this.#publish();
    this.#tellProgress();
    return work;
  }

  /** Runs steps of which none may be missing: if one fails, nothing more is written. */
  async #fatally(doing: string, steps: () => Promise<void>): Promise<void> {
    try {
      await steps();
    } catch (cause) {
      throw this.#fail(ioError(this.#parts.path, doing, cause));
    }
  }

  /** Refuses all commits that wait and the open operation, and takes the stream back to what is committed. */
  #abandon(error: StreamFileError): void {
    this.#refuseAll(error);
    this.#tailIsDirty = true;
    try {
      this.#cleanTail();
    } catch (cause) {
      const failure = ioError(this.#parts.path, 'removing what could not be written', cause);
      if (failure.code !== 'disk-full') this.#fail(failure);
    }
  }

  #cleanTail(): void {
    if (!this.#tailIsDirty) return;
    const { space, store } = this.#parts;
    space.wipe(store.committed.length);
    this.#tailIsDirty = false;
  }

  /** Ends writing for good; returns the reason for it. */
  #fail({ code, message, cause }: StreamFileError): StreamFileError {
    this.#failure ??= new StreamFileError(
      code === 'disk-full' ? 'io' : code,
      `${message}; nothing more is written: close the file and open it again`,
      { cause },
    );
    this.#refuseAll(this.#failure);
    return this.#failure;
  }

  /** What is being written is left alone: it is refused, or not, when that is known. */
  #refuseAll(error: StreamFileError): void {
    if (this.#appender.operationStart) this.#operationFailure = error;
    const end = (this.#writing ?? this.#written)?.end ?? this.#parts.store.committed;
    this.#bookmarks.cut(end.entries);
    this.#appender.rewind(end);
    const refused = this.#queue.filter((job) => job instanceof CommitGroup);
    this.#queue = this.#queue.filter((job) => !(job instanceof CommitGroup));
    for (const group of refused) group.refused(error);
  }
}

/** Refuses bytes that are not whole entries numbered from `first` on: once in the file, nobody could read past them. */
function checkBatch(bytes: Uint8Array, first: number, pageBytes: number): void {
  let number = first;
  for (let at = 0; at < bytes.length; number++) {
    const length = bytes.length - at < ENTRY_HEAD_BYTES ? 0 : entryLengthAt(bytes, at);
    const fits = length >= ENTRY_HEAD_BYTES && length <= Math.min(pageBytes, bytes.length - at);
    if (!fits || bytes[at] !== ENTRY_PACKET || entryNumberAt(bytes, at) !== number) {
      throw new StreamFileError(
        'bad-entry',
        `the bytes at offset ${at} of the batch are not entry ${number}`,
      );
    }
    at += length;
  }
}
