/**
 * The operation journal of a file that is open for writing.
 *
 * It is additive: where it cannot be written, the stream goes on without it, and what it misses is later taken over. It
 * never says more than the stream: it is cut, durably, before the stream is, and before the file gets a new session, so
 * what stands behind its end has never been there. What is appended needs no sync: records that a power cut has cost
 * read as taken over.
 */
import type { Operations } from '../commits/commit-group.js';
import type { Extent } from '../commits/header-page.js';
import type { Disk, DiskFile } from '../disk/disk.js';
import { journalPath } from '../paths.js';
import { viewOf } from './checksums.js';
import {
  belongsTo,
  encodeHeader,
  RECORD_BYTES,
  recordAt,
  writeRecord,
  type Operation,
} from './journal-format.js';
import { JournalRecords, operationOf, type FoundOperation } from './journal-records.js';

export class Journal {
  readonly #disk: Disk;
  readonly #path: string;
  /** Undefined when it cannot be written: then nothing is known. */
  #file: DiskFile | undefined;
  readonly #records: JournalRecords;
  /** Records that stand in the file. */
  #count: number;
  /** Number of the entry behind the last record; undefined if that could not be written. */
  #nextEntry: number | undefined;
  /** Session of the file that the journal belongs to. */
  #session: bigint;
  #scratch = new Uint8Array(0);

  private constructor(disk: Disk, path: string, file: DiskFile, count: number, session: bigint) {
    this.#disk = disk;
    this.#path = journalPath(path);
    this.#file = file;
    this.#records = new JournalRecords(file, this.#path);
    this.#count = count;
    this.#session = session;
  }

  /**
   * Opens the journal of the file at `path`, up to `end`, and makes it belong to `session`, which the file gets next, as
   * well as to the one that it had last. Unless it belonged to that, it is emptied.
   */
  static async open(
    disk: Disk,
    path: string,
    end: Extent,
    lastSession: bigint | undefined,
    session: bigint,
  ): Promise<Journal> {
    const file = await openOrCreate(disk, journalPath(path));
    try {
      const header = new Uint8Array(RECORD_BYTES);
      await file.read(0, header);
      const isOurs = belongsTo(header, lastSession);
      const count = isOurs ? Math.floor((await file.size()) / RECORD_BYTES) - 1 : 0;
      const journal = new Journal(disk, path, file, count, isOurs ? (lastSession ?? session) : session);
      await journal.cut(end, session);
      return journal;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Cuts it to operations that end at or before `end`, durably, and makes it belong to `session` as well, which the file
   * gets next: `confirm` then.
   */
  async cut(end: Extent, session: bigint): Promise<void> {
    if (!this.#file) return;
    try {
      await this.#cut(this.#file, end, session);
    } catch {
      await this.#giveUp();
    }
  }

  async #cut(file: DiskFile, end: Extent, session: bigint): Promise<void> {
    const behind = this.#records.find(end.entries, this.#count, { length: Infinity, entries: Infinity });
    const count = behind.indexBefore;
    this.#records.forget();
    if ((await file.size()) > recordAt(count)) file.resizeSync(recordAt(count));
    this.#count = count;
    this.#nextEntry = behind.firstEntry;
    await file.write(0, encodeHeader(session, this.#session));
    await file.sync();
    this.#session = session;
  }

  /** The file has got the session that was announced: the one before is not its any more. */
  async confirm(): Promise<void> {
    // If it is lost, the journal belongs to a file that was put back from a moment ago, too.
    await this.#file?.write(0, encodeHeader(this.#session, this.#session)).catch(() => undefined);
  }

  /** Adds operations that follow one another. If they cannot be written, they are taken over later. */
  append(start: Extent, { ends, nextEntries, timesMs }: Operations, crcs: readonly number[]): void {
    if (!this.#file) return;
    const isGap = this.#nextEntry !== start.entries;
    const count = ends.length + (isGap ? 1 : 0);
    const bytes = this.#room(count * RECORD_BYTES);
    const view = viewOf(bytes);
    let at = 0;
    // What has no record by now is taken over.
    if (isGap) at = writeRecord(view, at, start, 0, 0);
    for (let nth = 0; nth < ends.length; nth++) {
      const timeMs = timesMs[nth]!;
      const end = { length: ends[nth]!, entries: nextEntries[nth]! };
      at = writeRecord(view, at, end, timeMs, timeMs === 0 ? 0 : crcs[nth]!);
    }
    this.#nextEntry = undefined;
    try {
      this.#file.writeSync(recordAt(this.#count), bytes);
      this.#nextEntry = nextEntries.at(-1)!;
    } catch {
      // It may have left some of them: what comes next is written behind.
    }
    this.#count += count;
  }

  #room(bytes: number): Uint8Array {
    if (bytes > this.#scratch.length) this.#scratch = new Uint8Array(2 * bytes);
    return this.#scratch.subarray(0, bytes);
  }

  /** The range of committed entries that `entry` belongs to. */
  find(entry: number, committed: Extent): FoundOperation {
    return this.#records.find(entry, this.#file ? this.#count : 0, committed);
  }

  /** As `find`, for those who use this package. */
  operationAt(entry: number, committed: Extent): Operation {
    return operationOf(this.find(entry, committed));
  }

  /** An operation has another checksum, durably. What was taken over has none. */
  async setCrc(entry: number, crc: number): Promise<void> {
    if (!this.#file) return;
    const { nextEntry, endOffset, commitTimeMs, index } = this.#records.find(entry, this.#count, {
      length: Infinity,
      entries: Infinity,
    });
    if (commitTimeMs === 0) return;
    const bytes = new Uint8Array(RECORD_BYTES);
    writeRecord(viewOf(bytes), 0, { entries: nextEntry, length: endOffset }, commitTimeMs, crc);
    await this.#file.write(recordAt(index), bytes);
    this.#records.forget();
    await this.#file.sync();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.sync().catch(() => undefined);
    await file?.close();
  }

  /** Goes on without: what stands in the file must not be taken for what belongs to the stream. */
  async #giveUp(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
    await this.#disk.remove(this.#path).catch(() => undefined);
  }
}

async function openOrCreate(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return disk.create(path);
  }
}
