/**
 * Commits: makes what was added durable, then visible, in order.
 *
 * All that changes the file goes through one queue, worked off by one loop. Commits that wait together become one group:
 * their bytes are written, then the header page, then all is synced at once, then each is acknowledged. So a commit that
 * is acknowledged survives, and readers never see one that does not.
 *
 * When the disk is full, the waiting commits are refused and the stream is as if they had never been made. Any other
 * failed write or sync ends writing for good, since nobody can say what is on the disk; readers go on.
 */
import { crc32 } from 'node:zlib';

import {
  BOOKMARK_ENTRY_TYPE,
  ENTRY_HEAD_BYTES,
  entryLengthAt,
  entryTypeAt,
  type EntryBatch,
} from '@ds/codec';

import { Appender, type Spill } from './appender.js';
import type { Bookmark, BookmarkIndex } from './bookmark-index.js';
import { bookmarksIn, olderBookmarks } from './bookmark-scan.js';
import type { Disk, DiskFile } from './disk.js';
import { ioError, StreamFileError } from './errors.js';
import type { FileSpace } from './file-space.js';
import type { CommitRecord, Extent, HeaderPage } from './header-page.js';
import type { PageStore } from './page-store.js';
import type { Page } from './page.js';
import { overwriteEntry } from './pending-update.js';
import type { Reader } from './reader.js';

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
  readonly events: WriterEvents;
}

interface WaitingCommit {
  readonly start: Extent;
  readonly end: Extent;
  readonly spill: Spill | undefined;
  readonly bookmarks: readonly Bookmark[];
  resolve(range: { first: number; next: number }): void;
  reject(error: StreamFileError): void;
}

type Job = { readonly commit: WaitingCommit } | { readonly task: () => Promise<void> };

export class Writer {
  readonly #parts: WriterParts;
  readonly #options: WriterOptions;
  #appender: Appender;
  #record: CommitRecord;
  #queue: Job[] = [];
  #running: Promise<void> | undefined;
  /** Ends the wait of `interval` early. */
  #hurry: (() => void) | undefined;
  #closing = false;
  /** Tasks that have been asked for and are not done: no operation may be open meanwhile. */
  #tasks = 0;
  /** Bookmarks of the open operation. */
  #bookmarks: Bookmark[] = [];
  /** Why the open operation cannot be committed any more. */
  #operationFailure: StreamFileError | undefined;
  /** Why nothing can be written any more. */
  #failure: StreamFileError | undefined;

  constructor(parts: WriterParts, options: WriterOptions, record: CommitRecord, tail: Page | undefined) {
    this.#parts = parts;
    this.#options = options;
    this.#record = record;
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

  /** Bytes of commits that wait to be written. */
  get waitingBytes(): number {
    const tail = this.#appender.operationStart ?? this.#appender.extent;
    return tail.length - this.#parts.store.committed.length;
  }

  /** Whether too many bytes wait. */
  get congested(): boolean {
    return this.#running !== undefined && this.waitingBytes > this.#options.windowBytes;
  }

  /** Resolves when few enough bytes wait. */
  async ready(): Promise<void> {
    while (this.congested) {
      this.#hurry?.();
      await this.#running;
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
    this.#appender.startOperation();
  }

  /** Adds an entry that was checked; returns its number. */
  addEntry(type: number, data: Uint8Array): number {
    this.#checkOperation();
    try {
      return this.#appender.append(type, data);
    } catch (cause) {
      throw this.#spoilOperation(cause);
    }
  }

  /** Adds a bookmark that was checked; returns the number of its entry. The key is kept. */
  addBookmark(key: Uint8Array): number {
    const entry = this.addEntry(BOOKMARK_ENTRY_TYPE, key);
    this.#bookmarks.push([key.slice(), entry]);
    return entry;
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
    for (const bookmark of bookmarksIn(bytes)) this.#bookmarks.push([bookmark[0].slice(), bookmark[1]]);
    try {
      this.#appender.appendEncoded(bytes);
    } catch (cause) {
      throw this.#spoilOperation(cause);
    }
  }

  /** Ends the operation; resolves with its entries' numbers when it is as durable as was promised, and visible. */
  async commitOperation(): Promise<{ first: number; next: number }> {
    try {
      this.#checkOperation();
    } catch (error) {
      this.#operationFailure = undefined;
      throw error;
    }
    const bookmarks = this.#bookmarks;
    this.#bookmarks = [];
    const ended = this.#appender.endOperation();
    return new Promise((resolve, reject) => {
      this.#enqueue({ commit: { ...ended, bookmarks, resolve, reject } });
    });
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
    this.#bookmarks = [];
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
      const { path, file, space, store, reader, bookmarks, events } = this.#parts;
      const { geometry } = store.location;
      const before = store.committed;
      const length = entry < before.entries ? await reader.offsetOf(entry) : undefined;
      if (length === undefined) throw entryNotFound(entry, before.entries);

      const extent = { length, entries: entry };
      const changes = await olderBookmarks(reader, entry, before.entries);
      const at = geometry.offsetInPage(length);
      const tail = at === 0 ? undefined : (await store.get(geometry.pageOf(length))).copy(at);
      await this.#fatally('cutting the stream', async () => {
        await this.#writeRecord({ start: extent, end: extent, dataCrc: 0 }, true);
        store.cut(extent, tail);
        reader.forget(length);
        this.#appender = this.#appenderAt(extent, tail);
        space.wipe(length);
        await file.sync();
      });
      events.truncated(extent);
      await bookmarks.repoint(changes, entry).catch((error: unknown) => {
        throw ioError(path, 'pointing bookmarks to what is left', error);
      });
    });
  }

  /** Replaces the data of a committed entry by data of the same length. */
  update(entry: number, type: number, data: Uint8Array): Promise<void> {
    return this.#exclusively(async () => {
      const { path, disk, file, store, reader } = this.#parts;
      const { geometry } = store.location;
      const { committed } = store;
      const offset = entry < committed.entries ? await reader.offsetOf(entry) : undefined;
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
      await this.#fatally(`updating entry ${entry}`, async () => {
        // No slot's checksum may cover bytes that are about to change.
        await this.#writeRecord({ start: committed, end: committed, dataCrc: 0 }, true);
        await overwriteEntry(disk, path, file, offset, changed.bytes.subarray(at, at + length));
      });
      store.replace(changed);
      this.#appender.replacePage(changed);
    });
  }

  /** Remembers, durably, that sources below `epoch` are fenced off. */
  raiseEpoch(epoch: bigint): Promise<void> {
    return this.#exclusively(async () => {
      if (epoch <= this.#record.epoch) return;
      const { committed } = this.#parts.store;
      await this.#fatally('recording the epoch', () =>
        this.#writeRecord({ start: committed, end: committed, dataCrc: 0, epoch }, true),
      );
    });
  }

  /** Rolls back what is open, waits for what is queued, and marks the file as closed cleanly. */
  async close(): Promise<void> {
    if (this.operationOpen) this.rollbackOperation();
    this.#closing = true;
    this.#hurry?.();
    await this.#running;
    if (this.#failure) return;
    const { committed } = this.#parts.store;
    await this.#writeRecord({ start: committed, end: committed, dataCrc: 0, clean: true }, true);
  }

  #appenderAt(extent: Extent, tail: Page | undefined): Appender {
    return new Appender(this.#parts, this.#options.spillPages, extent, tail);
  }

  #checkUsable(): void {
    if (this.#closing) throw new StreamFileError('closed', `${this.#parts.path} is closed`);
    if (this.#failure) throw this.#failure;
  }

  #checkOperation(): void {
    if (this.#operationFailure) throw this.#operationFailure;
    if (!this.#appender.operationStart)
      throw new StreamFileError('no-operation', 'no atomic operation is open');
  }

  /** A page of the operation could not be written ahead: that spoils the operation, and nothing else. */
  #spoilOperation(cause: unknown): StreamFileError {
    const error = ioError(this.#parts.path, 'writing an operation ahead', cause);
    this.rollbackOperation();
    this.#operationFailure = error;
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
    }
    // At once, and not when the promise is settled: a job that is queued in between would wait for ever.
    this.#running = undefined;
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
    const group: WaitingCommit[] = [];
    for (const job of this.#queue) {
      if ('task' in job || (group.length > 0 && (job.commit.spill ?? group[0]!.spill))) break;
      group.push(job.commit);
    }
    this.#queue.splice(0, group.length);
    return group;
  }

  async #writeGroup(group: readonly WaitingCommit[]): Promise<void> {
    const { path, space, store, bookmarks, events } = this.#parts;
    const refuse = (error: StreamFileError): void => {
      for (const commit of group) commit.reject(error);
    };
    if (this.#failure) {
      refuse(this.#failure);
      return;
    }
    const start = store.committed;
    const { end } = group.at(-1)!;
    if (end.entries > start.entries) {
      let dataCrc: number;
      try {
        await bookmarks.ready();
        space.ensure(end.length);
        dataCrc = await this.#writeData(start.length, end.length, group[0]!.spill);
      } catch (cause) {
        const error = ioError(path, `writing entries ${start.entries} to ${end.entries - 1}`, cause);
        refuse(error);
        if (error.code === 'disk-full') this.#abandon(error);
        else this.#fail(error);
        return;
      }
      try {
        await this.#writeRecord({ start, end, dataCrc }, this.#options.durability !== 'os');
      } catch (cause) {
        const error = ioError(path, `committing entries ${start.entries} to ${end.entries - 1}`, cause);
        refuse(error);
        this.#fail(error);
        return;
      }
      store.advance(end);
      bookmarks.add(
        group.flatMap((commit) => commit.bookmarks),
        end.entries,
      );
      events.committed();
    }
    for (const commit of group) commit.resolve({ first: commit.start.entries, next: commit.end.entries });
  }

  /** Writes what stands in memory of the bytes from `from` to `to`; returns the checksum of them all. */
  async #writeData(from: number, to: number, spill: Spill | undefined): Promise<number> {
    const { file, store } = this.#parts;
    const { geometry } = store.location;
    let crc = spill?.crc ?? 0;
    const spilledTo = spill?.length ?? from;
    let at = from;
    while (at < to) {
      const index = geometry.pageOf(at);
      const end = Math.min(to, geometry.pageStart(index + 1));
      const page = store.held(index);
      if (page) {
        const inPage = geometry.offsetInPage(at);
        const part = page.bytes.subarray(inPage, inPage + end - at);
        await file.write(at, part);
        if (end > spilledTo) crc = crc32(part, crc);
      }
      at = end;
    }
    return crc;
  }

  async #writeRecord(
    change: Pick<CommitRecord, 'start' | 'end' | 'dataCrc'> & Partial<CommitRecord>,
    durable: boolean,
  ): Promise<void> {
    const { file, headerPage } = this.#parts;
    const record = { ...this.#record, clean: false, sequence: this.#record.sequence + 1, ...change };
    headerPage.record(record);
    await file.write(0, headerPage.bytes);
    if (durable) await file.sync();
    this.#record = record;
  }

  /** Runs steps of which none may be missing: if one fails, nothing more is written. */
  async #fatally(doing: string, steps: () => Promise<void>): Promise<void> {
    try {
      await steps();
    } catch (cause) {
      const error = ioError(this.#parts.path, doing, cause);
      this.#fail(error);
      throw error;
    }
  }

  /** Refuses all commits that wait and the open operation, and takes the stream back to what is committed. */
  #abandon(error: StreamFileError): void {
    const { path, space, store } = this.#parts;
    this.#refuseAll(error);
    try {
      space.wipe(store.committed.length);
    } catch (cause) {
      this.#fail(ioError(path, 'removing what could not be written', cause));
    }
  }

  #fail(error: StreamFileError): void {
    this.#failure = error;
    this.#refuseAll(error);
  }

  #refuseAll(error: StreamFileError): void {
    if (this.#appender.operationStart) this.#operationFailure = error;
    this.#bookmarks = [];
    this.#appender.rewind(this.#parts.store.committed);
    const refused = this.#queue;
    this.#queue = refused.filter((job) => 'task' in job);
    for (const job of refused) if ('commit' in job) job.commit.reject(error);
  }
}

function entryNotFound(entry: number, entries: number): StreamFileError {
  return new StreamFileError(
    'entry-not-found',
    `entry ${entry} does not exist: the stream has ${entries} entries`,
  );
}
