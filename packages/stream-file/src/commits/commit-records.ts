/**
 * The records of commits: each is put into the header page upon the last one that is durable, and made durable by a sync.
 */
import type { DiskFile } from '../disk/disk.js';
import { joinedCrc } from '../journal/checksums.js';
import type { CommitRecord, Extent, HeaderPage } from './header-page.js';

export class CommitRecords {
  readonly #file: DiskFile;
  readonly #headerPage: HeaderPage;
  readonly #synced: (latencyMs: number) => void;
  /** The last commit, and the last one that is certainly durable. */
  #last: CommitRecord;
  #durable: CommitRecord;
  /** CRC-32 of the file's bytes between where these two end. */
  #unsyncedCrc = 0;
  /** The sync that is under way while more is committed. */
  #syncing: Promise<void> | undefined;
  /** Why a sync has failed. Another one could succeed without what that one has lost. */
  #failure: { readonly reason: unknown } | undefined;

  /** `record` stands in the header page, durably. `synced` is told of each sync. */
  constructor(
    file: DiskFile,
    headerPage: HeaderPage,
    record: CommitRecord,
    synced: (latencyMs: number) => void,
  ) {
    this.#file = file;
    this.#headerPage = headerPage;
    this.#synced = synced;
    this.#last = record;
    this.#durable = record;
  }

  get last(): CommitRecord {
    return this.#last;
  }

  /** Bytes that are committed, and not certainly durable. */
  get unsyncedBytes(): number {
    return this.#last.end.length - this.#durable.end.length;
  }

  /** Whether a sync is under way beside the commits. */
  get isSyncing(): boolean {
    return this.#syncing !== undefined;
  }

  /** Records a commit up to `end`. Its bytes are in the file; `crc` is their CRC-32. */
  add(end: Extent, crc: number): void {
    this.#put({ end, dataCrc: joinedCrc(this.#unsyncedCrc, crc, end.length - this.#last.end.length) });
  }

  /** Records, durably, a change that adds no bytes. */
  async mark(change: Partial<CommitRecord>): Promise<void> {
    // A record without a checksum of data may stand only on data that are durable already.
    if (this.#last !== this.#durable) await this.sync();
    this.#put({ start: change.end ?? this.#durable.end, dataCrc: 0, ...change });
    await this.sync();
  }

  /** Makes all that is recorded durable. */
  async sync(): Promise<void> {
    if (this.#syncing) await this.#syncing;
    await this.#syncNow();
  }

  /** Makes durable what is recorded by now, while more is. One at a time. */
  syncBeside(): Promise<void> {
    this.#syncing ??= this.#syncNow().finally(() => {
      this.#syncing = undefined;
    });
    return this.#syncing;
  }

  /** Resolves when no sync is under way beside the commits, however it has ended. */
  async settled(): Promise<void> {
    await this.#syncing?.catch(() => undefined);
  }

  /** What is recorded while it is under way may be durable then, or not. */
  async #syncNow(): Promise<void> {
    if (this.#failure) throw this.#failure.reason;
    const record = this.#last;
    const crc = this.#unsyncedCrc;
    const begunMs = performance.now();
    try {
      await this.#file.sync();
    } catch (reason) {
      this.#failure = { reason };
      throw reason;
    }
    this.#synced(performance.now() - begunMs);
    this.#unsyncedCrc = joinedCrc(crc, this.#unsyncedCrc, this.#last.end.length - record.end.length);
    this.#durable = record;
  }

  #put(change: Partial<CommitRecord>): void {
    const { sequence: base, end: start } = this.#durable;
    const sequence = this.#last.sequence + 1;
    const record = { ...this.#last, sequence, base, start, clean: false, ...change };
    this.#headerPage.record(record);
    this.#file.writeSync(0, this.#headerPage.bytes);
    this.#last = record;
    this.#unsyncedCrc = record.dataCrc;
  }
}
