/** A stream file that is open for reading only, whoever writes to it meanwhile. */
import { entryAt, entryNumberAt, type Entry, type Header, type StreamIdentity } from '@ds/codec';

import type { Extent } from '../commits/header-page.js';
import type { ReadableDisk } from '../disk/disk.js';
import { nodeDisk } from '../disk/node-disk.js';
import { checkSize, isThere, ObservedFile, type FileState, type Sighting } from '../disk/observed-file.js';
import { StreamFileError } from '../errors.js';
import { recordAt, type Operation } from '../journal/journal-format.js';
import { operationOf, type FoundOperation } from '../journal/journal-records.js';
import { OperationWitness } from '../journal/operation-witness.js';
import { StoredJournal } from '../journal/stored-journal.js';
import { checkCacheOptions } from '../opening/checks.js';
import { Geometry } from '../pages/geometry.js';
import { PageStore, type CacheOptions, type CacheStatus, type PageWitness } from '../pages/page-store.js';
import { StoredRows } from '../pages/stored-rows.js';
import { updatePath } from '../paths.js';
import { Reader, type Chunk, type Loan } from './reader.js';

/** How a file is opened for reading only. */
export interface StreamFileReaderOptions {
  /** Pages kept in memory, 1 MiB each. Default 4. */
  readonly cachePages?: number | undefined;
  /**
   * How long a page that was found to be what was written may be read again without a look at its checksums, in
   * milliseconds. Default 0: it is verified whenever it is read.
   */
  readonly verifyIntervalMs?: number | undefined;
  /** @internal Tests put another disk in place. */
  readonly disk?: ReadableDisk;
  /** @internal Tests use small pages. */
  readonly pageBytes?: number;
}

/** Entries of one operation. */
interface OperationPiece extends Chunk {
  readonly operation: Operation;
  /** Whether these are its last ones. */
  readonly endsOperation: boolean;
}

/** How often a read that found damage is made again because the writer was at work, or is updating, and after how long. */
const RETRIES_MAX = 3;
const RETRIES_WHILE_UPDATING_MAX = 100;
const RETRY_INTERVAL_MS = 50;

/**
 * Reads a stream file without a lock and without writing anything, beside a writer in another process.
 *
 * It shows the stream as it was committed when it was opened, and after `refresh` as it is then; the newest commit may be
 * one that its writer has not synced yet. When the stream is cut meanwhile, reads give what stood there before or reject
 * with `changed`, and never a mixture. Only an entry that is being updated in a page that is not full yet, and whose operation
 * the journal does not know, may be seen half old, half new. All methods reject with a `StreamFileError`.
 */
export class StreamFileReader implements AsyncDisposable {
  /** Path of the file. */
  readonly path: string;
  readonly #disk: ReadableDisk;
  readonly #geometry: Geometry;
  readonly #cache: CacheOptions;
  readonly #file: ObservedFile;
  #seen: Sighting;
  #rows: StoredRows;
  #journal: StoredJournal;
  #store: PageStore<StoredRows>;
  #reader: Reader;
  /** Of page stores that were forgotten. */
  #hitsBefore = 0;
  #missesBefore = 0;
  /** Resolves when it has started over, however often that was asked for. Never rejects. */
  #forgetting: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(
    file: ObservedFile,
    seen: Sighting,
    rows: StoredRows,
    journal: StoredJournal,
    disk: ReadableDisk,
    geometry: Geometry,
    cache: CacheOptions,
  ) {
    this.path = file.path;
    this.#file = file;
    this.#seen = seen;
    this.#rows = rows;
    this.#journal = journal;
    this.#disk = disk;
    this.#geometry = geometry;
    this.#cache = cache;
    this.#store = this.#newStore();
    this.#reader = new Reader(file, this.#store);
  }

  /**
   * Opens a file, which may be in use.
   * @throws {StreamFileError} `bad-option`, `not-found`, `not-a-stream-file`, `damaged` or `io`
   */
  static async open(path: string, options: StreamFileReaderOptions = {}): Promise<StreamFileReader> {
    checkCacheOptions(options);
    const disk = options.disk ?? nodeDisk;
    const geometry = new Geometry(options.pageBytes);
    const file = await ObservedFile.open(disk, path);
    try {
      const seen = await file.look();
      checkSize(seen, path);
      const rows = await StoredRows.open(disk, path, geometry, seen.session);
      const journal = await StoredJournal.open(disk, path, seen.session);
      const cache = { pages: options.cachePages ?? 4, verifyIntervalMs: options.verifyIntervalMs ?? 0 };
      return new StreamFileReader(file, seen, rows, journal, disk, geometry, cache);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** What the stream is. */
  get identity(): StreamIdentity {
    return this.#seen.page.identity;
  }

  /** Identity and committed size. */
  get header(): Header {
    const { length, entries } = this.#seen.committed;
    return { ...this.identity, totalLength: BigInt(length), totalEntries: BigInt(entries) };
  }

  /** Bytes of the file that are committed. A safe integer. */
  get committedLength(): number {
    return this.#seen.committed.length;
  }

  /** What keeping pages in memory has brought since the file was opened, and costs, as `StreamFile.cache`. */
  get cache(): CacheStatus {
    const { hits, misses, ...costs } = this.#store.status;
    return { hits: this.#hitsBefore + hits, misses: this.#missesBefore + misses, ...costs };
  }

  /** How the file was left. */
  get state(): FileState {
    return this.#seen.state;
  }

  /** Highest epoch of a source that this stream has had. A u64. */
  get epoch(): bigint {
    return this.#seen.epoch;
  }

  /** Looks what is committed by now. Offsets and entries of a stream that was cut may be others afterwards. */
  async refresh(): Promise<void> {
    this.#checkOpen();
    const before = this.#seen;
    const now = await this.#file.look();
    checkSize(now, this.path);
    this.#seen = now;
    const { committed, session } = this.#seen;
    if (session === before.session && committed.length >= before.committed.length && session !== undefined) {
      this.#store.advance(committed);
      await this.#journal.refresh();
      return;
    }
    await this.#forget();
  }

  /**
   * Shows the stream as far as its writer says that it goes, rather than as far as can be found out, until `refresh` or the
   * next call. It must not be shorter than what is shown, unless the file was reopened with `reopen` since.
   */
  follow(committed: Extent): void {
    this.#seen = { ...this.#seen, committed };
    this.#store.advance(committed);
  }

  /** Looks at the file as if it was opened now: for who knows that what was committed has been changed. */
  async reopen(): Promise<void> {
    this.#checkOpen();
    this.#seen = await this.#file.look();
    checkSize(this.#seen, this.path);
    await this.#forget();
  }

  /** Resolves when nothing is being read from the file that was asked for before. */
  settled(): Promise<void> {
    return this.#store.settled();
  }

  /** The committed entry with this number. */
  async getEntry(entryNumber: bigint): Promise<Entry | undefined> {
    const bytes = await this.getEntryBytes(entryNumber);
    return bytes && entryAt(bytes, 0);
  }

  /** The committed entry with this number as it stands in the file. */
  async getEntryBytes(entryNumber: bigint): Promise<Uint8Array | undefined> {
    if (entryNumber < 0n || entryNumber >= BigInt(this.#seen.committed.entries)) return undefined;
    return this.#steadily(() => this.#reader.entry(Number(entryNumber)));
  }

  /**
   * The operation that the committed entry with this number belongs to, or the range that was taken over with it; undefined
   * if there is no such entry. See `StreamFile.operationAt`.
   */
  operationAt(entryNumber: bigint): Promise<Operation | undefined> {
    return this.#steadily(() => {
      const { committed } = this.#seen;
      if (entryNumber < 0n || entryNumber >= BigInt(committed.entries)) return undefined;
      const found = operationOf(this.#journal.find(Number(entryNumber), committed));
      this.#file.checkUnchanged();
      return found;
    });
  }

  /** Where in the file an entry stands, for `read`; the end for the next entry; undefined beyond. A safe integer. */
  async offsetOf(entryNumber: bigint): Promise<number | undefined> {
    if (entryNumber < 0n || entryNumber > BigInt(this.#seen.committed.entries)) return undefined;
    return this.#steadily(() => this.#reader.offsetOf(Number(entryNumber)));
  }

  /** The first entry from number `entryNumber` on that is not a bookmark, as it stands in the file: a view. */
  async getFirstEventBytesFrom(entryNumber: bigint): Promise<Uint8Array | undefined> {
    if (entryNumber < 0n || entryNumber >= BigInt(this.#seen.committed.entries)) return undefined;
    return this.#steadily(() => this.#reader.firstEvent(Number(entryNumber)));
  }

  /**
   * As `StreamFile.borrow`. What its writer changes meanwhile is told as damage, or as `changed`, and not read again.
   * @throws {StreamFileError} `closed`
   */
  borrow(offset: number, bytesMax: number): Loan | undefined | Promise<Loan | undefined> {
    this.#checkOpen();
    return this.#reader.borrow(offset, bytesMax);
  }

  /**
   * Committed bytes from `offset` on, entries as they stand in the file, at most `bytesMax`, which may cut the last one;
   * undefined at the stream's end.
   * @param offset a safe integer that `offsetOf`, `committedLength` or an earlier chunk gave
   */
  async read(offset: number, bytesMax: number): Promise<Chunk | undefined> {
    return this.#steadily(() => this.#reader.read(offset, bytesMax));
  }

  /** Whole entries as they stand in the file, from entry `from` up to, not including, entry `to`, page by page. */
  async *chunks(from: bigint, to: bigint): AsyncGenerator<Chunk, void, undefined> {
    const end = await this.offsetOf(to);
    for (let offset = await this.offsetOf(from); offset !== undefined && end !== undefined && offset < end;) {
      const chunk = await this.read(offset, this.#geometry.pageBytes);
      if (!chunk) return;
      offset = chunk.nextOffset;
      const over = Math.max(offset - end, 0);
      if (over < chunk.bytes.length)
        yield {
          bytes: chunk.bytes.subarray(0, chunk.bytes.length - over),
          nextOffset: Math.min(offset, end),
        };
    }
  }

  /** As `chunks`, but that no piece holds entries of more than one operation. */
  async *pieces(from: bigint, to: bigint): AsyncGenerator<OperationPiece, void, undefined> {
    for await (const { bytes, nextOffset } of this.chunks(from, to)) {
      const { committed } = this.#seen;
      const offset = nextOffset - bytes.length;
      const found: FoundOperation[] = [];
      let end = offset;
      for (let entry = entryNumberAt(bytes, 0); end < nextOffset; entry = found.at(-1)!.nextEntry) {
        const operation = this.#journal.find(entry, committed);
        if (operation.endOffset <= end) throw misplaced(operation, this.#journal.path);
        found.push(operation);
        end = operation.endOffset;
      }
      this.#file.checkUnchanged();
      let at = offset;
      for (const operation of found) {
        const stop = Math.min(operation.endOffset, nextOffset);
        const endsOperation = stop === operation.endOffset;
        const piece = bytes.subarray(at - offset, stop - offset);
        yield { bytes: piece, nextOffset: stop, operation: operationOf(operation), endsOperation };
        at = stop;
      }
    }
  }

  /** Closes the file. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#forgetting;
    await this.#store.settled();
    await this.#rows.close();
    await this.#journal.close();
    await this.#file.close();
  }

  /** Reads again where what looked like damage may be an update in the middle, or one that was made since. */
  async #steadily<T>(read: () => T | Promise<T>): Promise<T> {
    for (let retries = 0; ; retries++) {
      this.#checkOpen();
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof StreamFileError) || error.code !== 'damaged') throw error;
        const isUpdating = await isThere(this.#disk, updatePath(this.path));
        if (retries >= (isUpdating ? RETRIES_WHILE_UPDATING_MAX : RETRIES_MAX)) throw error;
        const { sequence, session, committed } = this.#seen;
        const now = await this.#file.look();
        if (now.sequence === sequence && !isUpdating) throw error;
        if (now.session !== session) {
          throw new StreamFileError('changed', `${this.path} was cut or opened anew while it was read`, {
            cause: error,
          });
        }
        this.#seen = { ...now, committed };
        await new Promise((resolve) => setTimeout(resolve, RETRY_INTERVAL_MS));
        await this.#forget();
      }
    }
  }

  /** Starts with nothing in memory. Several reads may ask for it at the same time: one comes after the other. */
  #forget(): Promise<void> {
    const forgotten = this.#forgetting.then(() => this.#forgetNow());
    this.#forgetting = forgotten.catch(() => undefined);
    return forgotten;
  }

  async #forgetNow(): Promise<void> {
    this.#checkOpen();
    await this.#store.settled();
    const { session } = this.#seen;
    const rows = await StoredRows.open(this.#disk, this.path, this.#geometry, session);
    const journal = await StoredJournal.open(this.#disk, this.path, session);
    const before = [this.#rows, this.#journal];
    ({ hits: this.#hitsBefore, misses: this.#missesBefore } = this.cache);
    this.#rows = rows;
    this.#journal = journal;
    this.#store = this.#newStore();
    this.#reader = new Reader(this.#file, this.#store);
    for (const each of before) await each.close();
  }

  #newStore(): PageStore<StoredRows> {
    const where = { path: this.path, geometry: this.#geometry };
    const journal = this.#journal;
    const operations = new OperationWitness(journal, this.#rows, this.#file, where);
    const witness: PageWitness = {
      async objection(...what) {
        // The writer may have gone on since the journal was looked at. If it cannot be read, it says nothing.
        await journal.refresh().catch(() => undefined);
        return operations.objection(...what);
      },
    };
    const store = new PageStore(this.#file, where, this.#rows, this.#cache, witness);
    store.advance(this.#seen.committed);
    return store;
  }

  #checkOpen(): void {
    if (this.#closed) throw new StreamFileError('closed', `${this.path} is closed`);
  }
}

function misplaced({ index, nextEntry, endOffset }: FoundOperation, path: string): StreamFileError {
  return new StreamFileError(
    'damaged',
    `${path}: the record at offset ${recordAt(index)} does not fit the stream: entry ${nextEntry} does not begin behind offset ` +
      `${endOffset}; repair the file`,
  );
}
