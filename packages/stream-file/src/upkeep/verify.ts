/** Reads everything that is committed in a file and says all that is wrong, writing nothing. */
import { crc32 } from 'node:zlib';

import { entryLengthAt, entryNumberAt, type StreamIdentity } from '@ds/codec';

import { BookmarkCheck, type IndexReport } from '../bookmarks/bookmark-check.js';
import { sharingFile } from '../bookmarks/bookmark-owner.js';
import { openLevelBookmarks, type StoredBookmarks } from '../bookmarks/level-bookmark-store.js';
import { damagedSlots, stampedIdentityFits } from '../commits/header-check.js';
import type { CommitRecord, Extent } from '../commits/header-page.js';
import type { ReadableDisk } from '../disk/disk.js';
import { nodeDisk } from '../disk/node-disk.js';
import { isThere, ObservedFile, type FileState, type Sighting } from '../disk/observed-file.js';
import { recordAt } from '../journal/journal-format.js';
import type { FoundOperation } from '../journal/journal-records.js';
import { OperationCheck, type OperationMismatch } from '../journal/operation-check.js';
import { StoredJournal } from '../journal/stored-journal.js';
import { readHolder } from '../opening/holder.js';
import type { ProgressListener } from '../opening/recovery.js';
import { Geometry, HEADER_PAGE_BYTES } from '../pages/geometry.js';
import { checkByEntries, checkByRow, isEntry, type PageFindings } from '../pages/page-check.js';
import { StoredRows } from '../pages/stored-rows.js';
import { bookmarkPath, directoryPath, updatePath } from '../paths.js';

/** Something wrong with a file. */
export interface StreamFileProblem {
  /**
   * What is wrong: the header entry's identity, a commit slot, the file's size, an entry's head or number (`entry`), bytes
   * that are not those that were written (`data`), padding, what the header counts (`total`), the bytes behind the end
   * (`tail`), the page directory, the operation journal, or the bookmark index.
   */
  readonly kind:
    | 'identity'
    | 'slot'
    | 'size'
    | 'entry'
    | 'data'
    | 'padding'
    | 'total'
    | 'tail'
    | 'directory'
    | 'journal'
    | 'bookmark';
  /** The file, or folder, that it is in. */
  readonly file: string;
  /** Offset in that file. A safe integer. */
  readonly offset?: number;
  /** Numbers of the first and the last entry that it concerns. Safe integers. */
  readonly firstEntry?: number;
  readonly lastEntry?: number;
  /** What is wrong, in words; where it is stands in the other fields. */
  readonly message: string;
}

/** What a file was found to be. */
export interface VerifyReport {
  readonly identity: StreamIdentity;
  readonly state: FileState;
  /** What is committed: bytes of the file, and entries. Safe integers. */
  readonly committed: Extent;
  /** Committed entries that are bookmarks. */
  readonly bookmarks: number;
  /** Pages, of all that are full, whose bytes were held against checksums. */
  readonly checkedPages: number;
  readonly fullPages: number;
  /** Operations whose bytes were held against the checksum that the journal has of them. */
  readonly checkedOperations: number;
  /** Whether the bookmark index was checked; else why not. */
  readonly index: IndexReport;
  /** In the order in which they stand in the file. */
  readonly problems: readonly StreamFileProblem[];
  /** All entries up to here are whole, and the bytes that they end at: what a cut can keep. */
  readonly whole: Extent;
  /** Whether entries that can be read stand behind damage. */
  readonly isDamagedInside: boolean;
  /** Whether an update is under way, or was interrupted: opening the file finishes it, and may mend what looks damaged. */
  readonly isUpdating: boolean;
}

export interface VerifyOptions {
  readonly onProgress?: ProgressListener | undefined;
  /** Ends the work with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** @internal Tests put another disk in place. */
  readonly disk?: ReadableDisk;
  /** @internal As `disk`; undefined if there is no index. */
  readonly openBookmarks?: (path: string) => Promise<StoredBookmarks | IndexReport>;
  /** @internal Tests use small pages. */
  readonly pageBytes?: number;
}

/** After how long one looks again at what looked like damage while a writer is at work. */
const LOOK_AGAIN_MS = 50;
/** Looks that must agree, with no update under way; and the most, should an update never end. */
const LOOKS = 3;
const LOOKS_MAX = 100;

/**
 * Reads the whole committed stream and reports every problem. A writer may be at work meanwhile; what is looked at is
 * committed when it begins. The bookmark index is opened, and so locked, only while nobody else has it.
 * @throws {StreamFileError} `not-found`, `not-a-stream-file`, `io`, or `changed` if the stream is cut meanwhile
 */
export async function verify(path: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const disk = options.disk ?? nodeDisk;
  const geometry = new Geometry(options.pageBytes);
  const bookmarks = await (options.openBookmarks ?? openLevelBookmarks)(bookmarkPath(path));
  try {
    const file = await ObservedFile.open(disk, path);
    try {
      const seen = await file.look();
      const rows = await StoredRows.open(disk, path, geometry, seen.session);
      try {
        const isUpdating = await isThere(disk, updatePath(path));
        const journal = await StoredJournal.open(disk, path, seen.session);
        try {
          const other = await sharingFile(path, await ownerOf(bookmarks, disk, path), (name) =>
            isThere(disk, name),
          );
          const sideFiles = { rows, journal, bookmarks, other };
          const found = await new Verification(file, seen, sideFiles, geometry, options).run();
          return { ...found, isUpdating };
        } finally {
          await journal.close();
        }
      } finally {
        await rows.close();
      }
    } finally {
      await file.close();
    }
  } finally {
    if (typeof bookmarks !== 'string') await bookmarks.close();
  }
}

/** Name of the file whose bookmark index it is, or who has it open. */
async function ownerOf(
  bookmarks: StoredBookmarks | IndexReport,
  disk: ReadableDisk,
  path: string,
): Promise<string | undefined> {
  if (typeof bookmarks !== 'string') return bookmarks.owner;
  return bookmarks === 'in use' ? (await readHolder(disk, path))?.file : undefined;
}

interface SideFiles {
  readonly rows: StoredRows;
  readonly journal: StoredJournal;
  readonly bookmarks: StoredBookmarks | IndexReport;
  /** The stream file that shares the bookmark index, and has it. */
  readonly other: string | undefined;
}

class Verification {
  readonly #file: ObservedFile;
  readonly #seen: Sighting;
  readonly #rows: StoredRows;
  readonly #geometry: Geometry;
  readonly #options: VerifyOptions;
  readonly #bookmarks: BookmarkCheck;
  readonly #journal: StoredJournal;
  readonly #operations: OperationCheck;
  readonly #problems: StreamFileProblem[] = [];
  #checkedPages = 0;
  #whole: Extent = { length: HEADER_PAGE_BYTES, entries: 0 };
  #isBroken = false;
  #isDamagedInside = false;

  constructor(
    file: ObservedFile,
    seen: Sighting,
    { rows, journal, bookmarks, other }: SideFiles,
    geometry: Geometry,
    options: VerifyOptions,
  ) {
    this.#file = file;
    this.#seen = seen;
    this.#rows = rows;
    this.#geometry = geometry;
    this.#options = options;
    this.#journal = journal;
    this.#operations = new OperationCheck(journal, seen.committed);
    this.#bookmarks = new BookmarkCheck(bookmarks, bookmarkPath(file.path), seen, other);
  }

  async run(): Promise<Omit<VerifyReport, 'isUpdating'>> {
    const { committed, page, state } = this.#seen;
    this.#checkHeaderPage();
    await this.#checkPages();
    await this.#checkCommits();
    await this.#checkTail();
    this.#checkJournal();
    this.#problems.push(...(await this.#bookmarks.finish(!this.#isBroken, this.#options.signal)));
    return {
      identity: page.identity,
      state,
      committed,
      bookmarks: this.#bookmarks.count,
      checkedPages: this.#checkedPages,
      fullPages: Math.max(0, this.#geometry.pageOf(Math.min(committed.length, this.#seen.size))),
      checkedOperations: this.#operations.count,
      index: this.#bookmarks.report,
      problems: this.#problems,
      whole: this.#whole,
      isDamagedInside: this.#isDamagedInside,
    };
  }

  #checkHeaderPage(): void {
    const { page, pageBytes, size, committed } = this.#seen;
    const file = this.#file.path;
    if (!stampedIdentityFits(page, pageBytes)) {
      const message =
        'the header entry is not what was written with the last commit: its identity may be wrong';
      this.#problems.push({ kind: 'identity', file, offset: 16, message });
    }
    for (const offset of damagedSlots(pageBytes)) {
      this.#problems.push({ kind: 'slot', file, offset, message: 'the commit slot is not what was written' });
    }
    if (
      committed.length > size ||
      !Number.isSafeInteger(committed.length) ||
      committed.length < HEADER_PAGE_BYTES
    ) {
      const message = `${committed.length} bytes are committed, but the file has ${size}`;
      this.#problems.push({ kind: 'size', file, offset: size, message });
    } else if (!this.#geometry.isOnGrid(size)) {
      const message = `the file has ${size} bytes, which is no whole number of pages`;
      this.#problems.push({ kind: 'size', file, offset: size, message });
    }
  }

  async #checkPages(): Promise<void> {
    const { committed, size } = this.#seen;
    const file = this.#file.path;
    const end = Math.min(committed.length, size);
    let number = 0;
    let isLost = false;
    for (let index = 0; this.#geometry.pageStart(index) < end; index++) {
      this.#options.signal?.throwIfAborted();
      const start = this.#geometry.pageStart(index);
      const limit = Math.min(this.#geometry.pageBytes, end - start);
      const { bytes, findings } = await this.#checkPage(index, limit, number, end);
      this.#keep(findings, bytes, start, number, limit === this.#geometry.pageBytes);
      await this.#checkOperations(findings, bytes, start);
      if (this.#rows.isDamaged(index)) {
        const message = `the row of the page at offset ${start} is not what was written`;
        this.#problems.push({ kind: 'directory', file: directoryPath(file), message });
      }
      number = findings.nextEntry;
      isLost = findings.end === undefined;
      this.#options.onProgress?.('check', start + limit, end);
    }
    // Damage that reaches to the end was reported with all the entries that it has cost.
    if (number === committed.entries || isLost) return;
    this.#isBroken = true;
    const first = Math.min(number, committed.entries);
    this.#problems.push({
      kind: 'total',
      file,
      offset: end,
      ...(number < committed.entries && { firstEntry: first, lastEntry: committed.entries - 1 }),
      message: `the header says that there are ${committed.entries} entries, but entry ${number} would be the next`,
    });
  }

  async #checkPage(
    index: number,
    limit: number,
    number: number,
    end: number,
  ): Promise<{ bytes: Uint8Array; findings: PageFindings }> {
    return this.#lookUntilSure(
      () => this.#checkPageOnce(index, limit, number, end),
      ({ findings }) => findings.problems.length === 0,
    );
  }

  /** Looks again at what is not in order while a writer is at work, which may be updating it: an update takes its time. */
  async #lookUntilSure<Found>(
    look: () => Promise<Found>,
    isInOrder: (found: Found) => boolean,
  ): Promise<Found> {
    const { disk = nodeDisk } = this.#options;
    for (let looks = 1, agreeing = 0; ; looks++) {
      const found = await look();
      if (isInOrder(found) || this.#seen.state !== 'open' || looks === LOOKS_MAX) return found;
      agreeing = (await isThere(disk, updatePath(this.#file.path))) ? 0 : agreeing + 1;
      if (agreeing === LOOKS) return found;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  async #checkPageOnce(
    index: number,
    limit: number,
    number: number,
    end: number,
  ): Promise<{ bytes: Uint8Array; findings: PageFindings }> {
    const bytes = new Uint8Array(limit);
    await this.#file.read(this.#geometry.pageStart(index), bytes);
    const isFull = limit === this.#geometry.pageBytes;
    const row = isFull ? this.#rows.row(index) : undefined;
    if (row) {
      this.#checkedPages++;
      return { bytes, findings: checkByRow(bytes, row, number) };
    }
    return { bytes, findings: checkByEntries(bytes, number, await this.#firstEntryAt(index + 1, end)) };
  }

  /** Number of the entry that page `index` starts with, if one does. */
  async #firstEntryAt(index: number, end: number): Promise<number | undefined> {
    const start = this.#geometry.pageStart(index);
    if (start === end) return this.#seen.committed.entries;
    const bytes = new Uint8Array(Math.max(0, Math.min(this.#geometry.pageBytes, end - start)));
    await this.#file.read(start, bytes);
    return isEntry(bytes, 0) ? entryNumberAt(bytes, 0) : undefined;
  }

  #keep(findings: PageFindings, bytes: Uint8Array, start: number, number: number, isFull: boolean): void {
    const file = this.#file.path;
    const { committed } = this.#seen;
    for (const { kind, offset, firstEntry, endEntry, message } of findings.problems) {
      const lastEntry = (endEntry ?? committed.entries) - 1;
      const entries = lastEntry >= firstEntry ? { firstEntry, lastEntry } : {};
      this.#problems.push({ kind, file, offset: start + offset, ...entries, message });
    }
    for (const [from, to] of findings.good) this.#bookmarks.add(bytes.subarray(from, to));

    // The last page has no padding: entries end where the stream does.
    const isShort = !isFull && findings.end !== undefined && findings.end < bytes.length;
    const damage = findings.problems.find(({ kind }) => kind !== 'padding');
    if (this.#isBroken) {
      this.#isDamagedInside ||= findings.good.length > 0;
    } else if (damage || isShort) {
      this.#isBroken = true;
      const offset = damage?.offset ?? findings.end ?? 0;
      this.#whole = { length: start + offset, entries: damage?.firstEntry ?? findings.nextEntry };
      this.#isDamagedInside = findings.good.some(([, to]) => to > offset);
    } else {
      this.#whole = { length: start + bytes.length, entries: findings.nextEntry };
    }
  }

  /** Holds the page's operations against the journal. Where the page has problems, they have been told. */
  async #checkOperations({ problems, good }: PageFindings, bytes: Uint8Array, start: number): Promise<void> {
    const isWhole = problems.every(({ kind }) => kind === 'padding');
    if (!isWhole) this.#operations.interrupt();
    for (const [from, to] of isWhole ? good : []) {
      for (const mismatch of this.#operations.add(bytes.subarray(from, to), start + from)) {
        if (this.#seen.state === 'open' && !(await this.#isDamage(mismatch))) continue;
        this.#report(mismatch);
      }
    }
  }

  #report({ kind, operation }: OperationMismatch): void {
    const { firstEntry, nextEntry, startOffset, endOffset, index } = operation;
    const entries = { firstEntry, lastEntry: nextEntry - 1 };
    if (kind === 'record') {
      const message = `the record does not fit the stream: entry ${nextEntry} does not begin behind offset ${endOffset}`;
      this.#problems.push({
        kind: 'journal',
        file: this.#journal.path,
        offset: recordAt(index),
        ...entries,
        message,
      });
      return;
    }
    const message = `the bytes of the operation up to offset ${endOffset} are not those that were committed`;
    this.#problems.push({ kind: 'data', file: this.#file.path, offset: startOffset, ...entries, message });
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#whole = { length: startOffset, entries: firstEntry };
    this.#isDamagedInside = nextEntry < this.#seen.committed.entries;
  }

  /** Whether what does not fit is damage, and not an entry of the operation that is being updated. */
  #isDamage({ operation }: OperationMismatch): Promise<boolean> {
    return this.#lookUntilSure(
      async () => {
        await this.#journal.refresh();
        const now = this.#journal.find(operation.firstEntry, this.#seen.committed);
        const isSame = now.firstEntry === operation.firstEntry && now.nextEntry === operation.nextEntry;
        return isSame && now.commitTimeMs > 0 && (await this.#crcOfOperation(now)) !== now.crc;
      },
      (isDamaged) => !isDamaged,
    );
  }

  async #crcOfOperation({ startOffset, endOffset }: FoundOperation): Promise<number> {
    let crc = 0;
    for (let at = startOffset; at < endOffset;) {
      const index = this.#geometry.pageOf(at);
      const pageEnd = this.#geometry.pageStart(index + 1);
      const bytes = new Uint8Array(Math.min(pageEnd, endOffset) - at);
      await this.#file.read(at, bytes);
      let end = 0;
      while (isEntry(bytes, end)) end += entryLengthAt(bytes, end);
      crc = crc32(bytes.subarray(0, end), crc);
      at += bytes.length;
    }
    return crc;
  }

  #checkJournal(): void {
    const { path, isHeaderDamaged, count } = this.#journal;
    if (isHeaderDamaged) {
      this.#problems.push({
        kind: 'journal',
        file: path,
        offset: 0,
        message: 'the header is not what was written',
      });
    }
    for (let index = 0; index < count; index++) {
      if (!this.#journal.isDamaged(index)) continue;
      const message = 'the record is not what was written: its operation is not known';
      this.#problems.push({ kind: 'journal', file: path, offset: recordAt(index), message });
    }
  }

  /** Holds the last commits' bytes against their checksums, as far as nothing can have changed them since. */
  async #checkCommits(): Promise<void> {
    if (this.#isBroken || this.#seen.session === undefined) return;
    for (const commit of this.#seen.page.commits) {
      if (commit.session !== this.#seen.session || commit.sequence > this.#seen.sequence) return;
      const { start, end } = commit;
      // A mark that is not the closing one may stand for an update.
      if (end.length === start.length && !commit.clean) return;
      if (end.length === start.length || end.length > this.#seen.committed.length) continue;
      if (this.#isReported(start.length, end.length) || (await this.#crcOf(commit)) === commit.dataCrc)
        continue;
      if ((await this.#file.look()).sequence !== this.#seen.sequence) return;
      this.#problems.push({
        kind: 'data',
        file: this.#file.path,
        offset: start.length,
        firstEntry: start.entries,
        lastEntry: end.entries - 1,
        message: `the ${end.length - start.length} bytes of the commit are not those that were written`,
      });
      this.#isBroken = true;
      this.#whole = start;
      this.#isDamagedInside = end.length < this.#seen.committed.length;
      return;
    }
  }

  /** Whether something was found between two offsets before. */
  #isReported(from: number, to: number): boolean {
    return this.#problems.some(
      ({ file, offset = 0 }) => file === this.#file.path && offset >= from && offset < to,
    );
  }

  async #crcOf({ start, end }: CommitRecord): Promise<number> {
    const buffer = new Uint8Array(Math.min(1 << 20, end.length - start.length));
    let crc = 0;
    for (let at = start.length; at < end.length; at += buffer.length) {
      const part = buffer.subarray(0, Math.min(buffer.length, end.length - at));
      await this.#file.read(at, part);
      crc = crc32(part, crc);
    }
    return crc;
  }

  /** A file that nobody has open has nothing behind its end. */
  async #checkTail(): Promise<void> {
    const { state, committed, size } = this.#seen;
    if (state === 'open' || committed.length > size) return;
    const byte = new Uint8Array(1);
    for (const offset of [committed.length, this.#geometry.gridSize(committed.length + 1)]) {
      if ((await this.#file.read(offset, byte)) === 0 || byte[0] === 0) continue;
      const message = `byte ${byte[0]} stands behind the stream's end, where 0 should`;
      this.#problems.push({ kind: 'tail', file: this.#file.path, offset, message });
      return;
    }
  }
}
