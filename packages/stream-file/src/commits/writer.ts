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
 * checksum covers all of them, and now and then all is synced after all, to bound how much that is.
 */
import {
  BOOKMARK_ENTRY_TYPE,
  ENTRY_HEAD_BYTES,
  ENTRY_PACKET,
  entryNumberAt,
  entryLengthAt,
  entryTypeAt,
  takeAdditions,
  type EntryBatch,
  type SourceAdditions,
} from '@ds/codec';

import type { BookmarkIndex } from '../bookmarks/bookmark-index.js';
import { BookmarkList } from '../bookmarks/bookmark-list.js';
import { catchUp, collectBookmarks, olderBookmarks } from '../bookmarks/bookmark-scan.js';
import type { Disk, DiskFile } from '../disk/disk.js';
import type { FileSpace } from '../disk/file-space.js';
import { ioError, StreamFileError } from '../errors.js';
import { Checksums } from '../journal/checksums.js';
import type { Journal } from '../journal/journal.js';
import { operationCrcAfter } from '../journal/operation-update.js';
import { newSession } from '../pages/page-directory.js';
import type { PageStore } from '../pages/page-store.js';
import type { Page } from '../pages/page.js';
import type { Reader } from '../reading/reader.js';
import { Appender, type Spill } from './appender.js';
import type { CommitRecord, Extent, HeaderPage } from './header-page.js';
import { applyPendingUpdate, preparePendingUpdate } from './pending-update.js';

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
}

/** What listeners of the stream are told. */
export interface WriterEvents {
  /** The committed stream has grown. */
  committed(): void;
  /** The committed stream was cut to this extent. */
  truncated(extent: Extent): void;
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

/** Bytes of commits above which durability `os` syncs: what a recovery has to read at most. */
const UNSYNCED_BYTES_MAX = 64 << 20;

/**
 * What part of a page a group may have to be written in the call itself. Up to there, which is 256 KiB, handing it to another
 * thread takes longer than copying it, and the disk would be idle meanwhile.
 */
const WRITTEN_AT_ONCE = 1 / 4;

const EPOCH_MAX = 2n ** 64n - 1n;

/** Told how a commit has ended, at once. */
export interface CommitWaiter {
  committed(start: Extent, end: Extent): void;
  refused(error: StreamFileError): void;
}

interface WaitingCommit {
  readonly start: Extent;
  readonly end: Extent;
  readonly spill: Spill | undefined;
  /** When it was committed, if that was elsewhere. */
  readonly timeMs: number | undefined;
  readonly waiter: CommitWaiter;
}

type Job = WaitingCommit | { readonly task: () => Promise<void> };

export class Writer {
  readonly #parts: WriterParts;
  readonly #options: WriterOptions;
  #appender: Appender;
  /** The last commit, and the last one that is certainly durable. */
  #record: CommitRecord;
  #durable: CommitRecord;
  /** Whether refused commits have left bytes behind the stream's end that could not be removed yet. */
  #tailIsDirty = false;
  /** End of the commits that are being written. */
  #writingTo: Extent | undefined;
  #queue: Job[] = [];
  #running: Promise<void> | undefined;
  /** Ends the wait of `interval` early. */
  #hurry: (() => void) | undefined;
  /** Called when something has been written, or refused. */
  #progressWaiters: (() => void)[] = [];
  #closing = false;
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
    this.#record = record;
    this.#durable = record;
    this.#appender = this.#appenderAt(record.end, tail);
  }

  get epoch(): bigint {
    return this.#record.epoch;
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
    return this.#appender.settledLength - (this.#writingTo ?? this.#parts.store.committed).length;
  }

  /** Whether too many bytes wait. */
  get congested(): boolean {
    return this.#running !== undefined && this.waitingBytes > this.#options.windowBytes;
  }

  /** Resolves when few enough bytes wait. */
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
        'a truncation or an update is under way: wait for it first',
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

  /** Ends the operation; `waiter` is told when it is as durable as was promised, and visible. */
  commitOperation(timeMs: number | undefined, waiter: CommitWaiter): void {
    const failure = this.#operationFailure ?? this.#noOperation();
    this.#operationFailure = undefined;
    if (failure) {
      waiter.refused(failure);
      return;
    }
    const { start, end, spill } = this.#appender.endOperation();
    this.#enqueue({ start, end, spill, timeMs, waiter });
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
    return this.#exclusively(async () => {
      const { path, file, space, store, reader, bookmarks, journal, events } = this.#parts;
      const { geometry } = store.location;
      const before = store.committed;
      const length = entry >= 0 && entry < before.entries ? await reader.offsetOf(entry) : undefined;
      if (length === undefined) throw entryNotFound(entry, before.entries);

      const extent = { length, entries: entry };
      const changes = await olderBookmarks(reader, entry, before.entries);
      const at = geometry.offsetInPage(length);
      const tail = at === 0 ? undefined : (await store.get(geometry.pageOf(length))).copy(at);
      await this.#fatally('cutting the stream', async () => {
        const session = newSession();
        store.beginCut(geometry.pageOf(length));
        await store.directory.cut(geometry.pageOf(length), session);
        await journal.cut(extent, session);
        await this.#writeMark({ end: extent, session });
        // It is cut now: no reader may find it longer.
        store.cut(extent, tail);
        reader.forget(length);
        this.#appender = this.#appenderAt(extent, tail);
        space.wipe(length);
        await file.sync();
        await journal.confirm();
      });
      events.truncated(extent);
      try {
        if (changes) await bookmarks.repoint(changes, entry);
        else await this.#indexAgain();
      } catch (error) {
        throw ioError(path, 'pointing bookmarks to what is left', error);
      }
    });
  }

  /** Builds the bookmark index again. Until it is done, a bookmark may not be found. */
  async #indexAgain(): Promise<void> {
    const { store, reader, bookmarks } = this.#parts;
    await bookmarks.clear();
    await catchUp(bookmarks, reader, store.committed);
    await bookmarks.flush();
  }

  /** Replaces the data of a committed entry by data of the same length. */
  update(entry: number, type: number, data: Uint8Array): Promise<void> {
    return this.#exclusively(async () => {
      const { path, disk, file, store, reader, journal } = this.#parts;
      const { geometry } = store.location;
      const { committed } = store;
      const offset = entry >= 0 && entry < committed.entries ? await reader.offsetOf(entry) : undefined;
      if (offset === undefined) throw entryNotFound(entry, committed.entries);

      const index = geometry.pageOf(offset);
      const old = await store.get(index);
      const at = geometry.offsetInPage(offset);
      const length = entryLengthAt(old.bytes, at);
      const storedType = entryTypeAt(old.bytes, at);
      const dataAt = at + length - data.length;
      if (storedType !== type || dataAt !== at + ENTRY_HEAD_BYTES) {
        throw new StreamFileError(
          'update-mismatch',
          `entry ${entry} has type ${storedType} and ${length - ENTRY_HEAD_BYTES} bytes of data: it cannot become one of ` +
            `type ${type} with ${data.length} bytes`,
        );
      }
      const changed = old.copy(old.filled);
      changed.bytes.set(data, dataAt);
      const bytes = changed.bytes.subarray(at, at + length);
      const operation = journal.find(entry, committed);
      const operationCrc = await operationCrcAfter(
        operation,
        store,
        offset,
        old.bytes.subarray(at, at + length),
        bytes,
      );
      const update = { offset, entry: bytes, operationCrc };
      await preparePendingUpdate(disk, path, update);
      await this.#fatally(`updating entry ${entry}`, async () => {
        // No slot's checksum may cover bytes that are about to change.
        await this.#writeMark({});
        await store.overwrite(old, changed, () =>
          applyPendingUpdate(disk, path, file, update, async () => {
            await store.directory.forget(index);
            await journal.setCrc(entry, operationCrc);
          }),
        );
      });
      if (changed.filled === geometry.pageBytes) store.directory.put(index, changed.row(store.location));
      this.#appender.replacePage(changed);
    });
  }

  /** Remembers, durably, that sources below `epoch` are fenced off. */
  raiseEpoch(epoch: bigint): Promise<void> {
    return this.#exclusively(async () => {
      if (epoch <= this.#record.epoch) return;
      if (epoch > EPOCH_MAX) throw new RangeError(`epoch ${epoch} is not a u64`);
      await this.#fatally('recording the epoch', () => this.#writeMark({ epoch }));
    });
  }

  /** Rolls back what is open, waits for what is queued, and marks the file as closed cleanly. */
  async close(): Promise<void> {
    if (this.operationOpen) this.rollbackOperation();
    this.#closing = true;
    this.#hurry?.();
    await this.#running;
    if (this.#failure) return;
    this.#cleanTail();
    await this.#writeMark({ clean: true });
  }

  #appenderAt(extent: Extent, tail: Page | undefined): Appender {
    return new Appender(this.#parts, this.#options.spillPages, extent, tail);
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

  #enqueue(job: Job): void {
    this.#queue.push(job);
    this.#running ??= this.#run();
  }

  /** Runs a task alone: behind all commits that wait, and with no operation open. */
  async #exclusively(task: () => Promise<void>): Promise<void> {
    this.#checkUsable();
    if (this.operationOpen) {
      throw new StreamFileError(
        'operation-open',
        'an atomic operation is open: commit it or roll it back first',
      );
    }
    this.#tasks++;
    return new Promise<void>((resolve, reject) => {
      this.#enqueue({
        task: async () => {
          try {
            this.#checkUsableInQueue();
            await task();
            resolve();
          } catch (error) {
            reject(ioError(this.#parts.path, 'writing', error));
          } finally {
            this.#tasks--;
          }
        },
      });
    });
  }

  #checkUsableInQueue(): void {
    if (this.#failure) throw this.#failure;
  }

  async #run(): Promise<void> {
    // Lets the commits of one turn of the event loop become one group.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const job = this.#queue[0]!;
      if ('task' in job) {
        this.#queue.shift();
        await job.task();
        continue;
      }
      if (this.#options.durability === 'interval' && !this.#closing) await this.#collect();
      await this.#writeGroup(this.#takeGroup());
      this.#tellProgress();
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

  /** The commits at the head of the queue that can be written together: one that was written ahead goes alone. */
  #takeGroup(): WaitingCommit[] {
    const queue = this.#queue;
    const group: WaitingCommit[] = [];
    for (const job of queue) {
      if ('task' in job || (group.length > 0 && (job.spill ?? group[0]!.spill))) break;
      group.push(job);
    }
    this.#queue = queue.slice(group.length);
    return group;
  }

  async #writeGroup(group: readonly WaitingCommit[]): Promise<void> {
    const refuse = (error: StreamFileError): void => {
      for (const { waiter } of group) waiter.refused(error);
    };
    if (this.#failure) {
      refuse(this.#failure);
      return;
    }
    const { path, store, bookmarks, journal, events } = this.#parts;
    const start = store.committed;
    const { end } = group.at(-1)!;
    if (end.entries > start.entries) {
      this.#writingTo = end;
      let phase: 'writing' | 'committing' = 'writing';
      try {
        const commits = group.filter(isNotEmpty);
        const ends = commits.map((commit) => commit.end);
        const { data: dataCrc, operations } = await this.#writeData(start, ends, group[0]!.spill);
        phase = 'committing';
        journal.append(start, commits, operations);
        await this.#writeRecord({ end, dataCrc }, this.#mustSync(end));
      } catch (cause) {
        this.#writingTo = undefined;
        const error = ioError(path, `${phase} entries ${start.entries} to ${end.entries - 1}`, cause);
        // Once the header page is being written, the commit may be on the disk whatever is reported.
        if (phase === 'writing' && error.code === 'disk-full') {
          refuse(error);
          this.#abandon(error);
        } else {
          refuse(this.#fail(error));
        }
        return;
      }
      this.#writingTo = undefined;
      store.advance(end);
      this.#describe(group[0]!.spill);
      bookmarks.add(this.#bookmarks.takeBelow(end.entries), end.entries);
      events.committed();
    }
    for (const commit of group) commit.waiter.committed(commit.start, commit.end);
  }

  /** Tells the directory what the pages hold that were written ahead. */
  #describe(spill: Spill | undefined): void {
    if (!spill) return;
    const { store } = this.#parts;
    const first = store.location.geometry.pageOf(spill.length) - spill.rows.length;
    for (const [nth, row] of spill.rows.entries()) store.directory.put(first + nth, row);
  }

  #mustSync(end: Extent): boolean {
    return this.#options.durability !== 'os' || end.length - this.#durable.end.length >= UNSYNCED_BYTES_MAX;
  }

  /**
   * Writes what stands in memory of the operations from `start` to `ends`; returns the checksum of all that is not durable,
   * and those of the operations. What was written ahead has a checksum of its own, and so must stand on what is durable.
   */
  async #writeData(start: Extent, ends: readonly Extent[], spill: Spill | undefined): Promise<Checksums> {
    const { file, space, store, bookmarks } = this.#parts;
    const { geometry } = store.location;
    if (!bookmarks.isReady) await bookmarks.ready();
    if (spill && this.#record !== this.#durable) await this.#sync();
    const sums = spill?.sums ?? new Checksums(this.#record === this.#durable ? 0 : this.#record.dataCrc);
    const offsets = ends.map(({ length }) => length);
    const end = ends.at(-1)!;
    const spilledTo = spill?.length ?? start.length;
    space.ensure(end.length);
    const isSmall = end.length - start.length <= geometry.pageBytes * WRITTEN_AT_ONCE;
    let at = start.length;
    while (at < end.length) {
      const index = geometry.pageOf(at);
      const to = Math.min(end.length, geometry.pageStart(index + 1));
      const page = store.held(index);
      if (page) {
        const inPage = geometry.offsetInPage(at);
        const part = page.bytes.subarray(inPage, inPage + to - at);
        if (isSmall) file.writeSync(at, part);
        else await this.#meanwhile(file.write(at, part));
        if (to > spilledTo) sums.add(page, geometry.pageStart(index), at, to, offsets);
      }
      at = to;
    }
    return sums;
  }

  /** Puts a commit into the header page, upon what is durable. */
  async #writeRecord(change: Partial<CommitRecord>, durable: boolean): Promise<void> {
    const { file, headerPage } = this.#parts;
    const { sequence: base, end: start } = this.#durable;
    const record = {
      ...this.#record,
      sequence: this.#record.sequence + 1,
      base,
      start,
      clean: false,
      ...change,
    };
    headerPage.record(record);
    file.writeSync(0, headerPage.bytes);
    this.#record = record;
    if (durable) await this.#sync();
  }

  /** Records, durably, a change that adds no bytes. */
  async #writeMark(change: Partial<CommitRecord>): Promise<void> {
    // A record without a checksum of data may stand only on data that are durable already.
    if (this.#record !== this.#durable) await this.#sync();
    await this.#writeRecord({ start: change.end ?? this.#durable.end, dataCrc: 0, ...change }, true);
  }

  async #sync(): Promise<void> {
    const begunMs = performance.now();
    await this.#meanwhile(this.#parts.file.sync());
    this.#parts.events.synced(performance.now() - begunMs);
    this.#durable = this.#record;
  }

  /** What the disk is at work on does not wait any more: the next commits can gather meanwhile. */
  #meanwhile(work: Promise<void>): Promise<void> {
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
    const end = this.#writingTo ?? this.#parts.store.committed;
    this.#bookmarks.cut(end.entries);
    this.#appender.rewind(end);
    const refused = this.#queue;
    this.#queue = refused.filter((job) => 'task' in job);
    for (const job of refused) if (!('task' in job)) job.waiter.refused(error);
  }
}

function isNotEmpty({ start, end }: WaitingCommit): boolean {
  return end.entries > start.entries;
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

function entryNotFound(entry: number, entries: number): StreamFileError {
  return new StreamFileError(
    'entry-not-found',
    `entry ${entry} does not exist: the stream has ${entries} entries`,
  );
}
