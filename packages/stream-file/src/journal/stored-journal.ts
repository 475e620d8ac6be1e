/**
 * The operation journal of a file that another process may be writing: read, never written, and left alone if it does not
 * belong to the file as it is.
 */
import type { Extent } from '../commits/header-page.js';
import type { DiskFile, ReadableDisk } from '../disk/disk.js';
import { journalPath } from '../paths.js';
import { belongsTo, isWholeHeader, RECORD_BYTES } from './journal-format.js';
import { JournalRecords, type FoundOperation } from './journal-records.js';

export class StoredJournal {
  readonly path: string;
  /** Whether its header is there, and not what was written. */
  readonly isHeaderDamaged: boolean;
  readonly #file: DiskFile | undefined;
  readonly #records: JournalRecords;
  #count = 0;

  private constructor(path: string, file: DiskFile | undefined, isHeaderDamaged: boolean) {
    this.path = path;
    this.isHeaderDamaged = isHeaderDamaged;
    this.#file = file;
    this.#records = new JournalRecords(file, path);
  }

  /** Opens the journal of the file at `path`, if there is one that belongs to `session`. */
  static async open(disk: ReadableDisk, path: string, session: bigint | undefined): Promise<StoredJournal> {
    let file: DiskFile | undefined;
    let isHeaderDamaged = false;
    try {
      file = await disk.openReadOnly(journalPath(path));
      const header = new Uint8Array(RECORD_BYTES);
      await file.read(0, header);
      isHeaderDamaged = !isWholeHeader(header) && header.some((byte) => byte !== 0);
      if (belongsTo(header, session)) {
        const journal = new StoredJournal(journalPath(path), file, false);
        await journal.refresh();
        return journal;
      }
    } catch {
      // It is additive, and can be done without.
    }
    await file?.close();
    return new StoredJournal(journalPath(path), undefined, isHeaderDamaged);
  }

  /** Whether there is one. */
  get isThere(): boolean {
    return this.#file !== undefined;
  }

  /** Records that it has room for. Not each of them need be one. */
  get count(): number {
    return this.#count;
  }

  /** Whether record `index` is there, and not what was written. */
  isDamaged(index: number): boolean {
    return this.#records.isDamaged(index, this.#count);
  }

  /** Looks at it anew. */
  async refresh(): Promise<void> {
    this.#records.forget();
    if (this.#file) this.#count = Math.max(0, Math.floor((await this.#file.size()) / RECORD_BYTES) - 1);
  }

  /** The range of committed entries that `entry` belongs to. */
  find(entry: number, committed: Extent): FoundOperation {
    return this.#records.find(entry, this.#count, committed);
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}
