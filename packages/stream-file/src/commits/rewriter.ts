/**
 * Changes what is committed already: cuts the stream, or replaces an entry. Each change is there whole or not at all,
 * whatever happens meanwhile, and needs the file to itself: no operation is open, and nothing else is being written.
 */
import { ENTRY_HEAD_BYTES, entryLengthAt, entryTypeAt } from '@ds/codec';

import type { BookmarkIndex } from '../bookmarks/bookmark-index.js';
import { catchUp, olderBookmarks } from '../bookmarks/bookmark-scan.js';
import type { Disk, DiskFile } from '../disk/disk.js';
import type { FileSpace } from '../disk/file-space.js';
import { ioError, StreamFileError } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import { operationCrcAfter } from '../journal/operation-update.js';
import { newSession } from '../pages/page-directory.js';
import type { PageStore } from '../pages/page-store.js';
import type { Reader } from '../reading/reader.js';
import type { Appender } from './appender.js';
import type { CommitRecords } from './commit-records.js';
import type { Extent } from './header-page.js';
import { applyPendingUpdate, preparePendingUpdate } from './pending-update.js';

interface RewriterParts {
  readonly path: string;
  readonly disk: Disk;
  readonly file: DiskFile;
  readonly space: FileSpace;
  readonly store: PageStore;
  readonly reader: Reader;
  readonly bookmarks: BookmarkIndex;
  readonly journal: Journal;
  readonly events: RewriterEvents;
}

/** What listeners of the stream are told. */
export interface RewriterEvents {
  /** The committed stream was cut to this extent. */
  truncated(extent: Extent): void;
  /** What is committed is about to be changed in the file: not before this has resolved. */
  changing(): Promise<void>;
  /** That is over, whatever has come of it. */
  changed(): void;
}

/** Runs steps of which none may be missing: if one fails, nothing more is written to the file. */
type RunFatally = (doing: string, steps: () => Promise<void>) => Promise<void>;

export class Rewriter {
  readonly #parts: RewriterParts;
  readonly #records: CommitRecords;
  readonly #appender: Appender;
  readonly #fatally: RunFatally;

  constructor(parts: RewriterParts, records: CommitRecords, appender: Appender, fatally: RunFatally) {
    this.#parts = parts;
    this.#records = records;
    this.#appender = appender;
    this.#fatally = fatally;
  }

  /** Cuts the stream so that `entry` is the next one. */
  async truncate(entry: number): Promise<void> {
    const { path, file, space, store, reader, bookmarks, journal, events } = this.#parts;
    const { geometry } = store.location;
    const before = store.committed;
    const length = entry >= 0 && entry < before.entries ? await reader.offsetOf(entry) : undefined;
    if (length === undefined) throw entryNotFound(entry, before.entries);

    const extent = { length, entries: entry };
    const changes = await olderBookmarks(reader, entry, before.entries);
    const at = geometry.offsetInPage(length);
    const tail = at === 0 ? undefined : (await store.get(geometry.pageOf(length))).copy(at);
    await this.#changing('cutting the stream', async () => {
      const session = newSession();
      store.beginCut(geometry.pageOf(length));
      await store.directory.cut(geometry.pageOf(length), session);
      await journal.cut(extent, session);
      await this.#records.mark({ end: extent, session });
      // It is cut now: no reader may find it longer.
      store.cut(extent, tail);
      reader.forget(length);
      this.#appender.rewind(extent);
      space.wipe(length);
      await file.sync();
      await journal.confirm();
      events.truncated(extent);
    });
    if (!changes) {
      // If it fails, nothing says what the index lacks until the file is opened again.
      await this.#fatally('building the bookmark index again', () => this.#indexAgain());
      return;
    }
    try {
      await bookmarks.repoint(changes, entry);
    } catch (error) {
      throw ioError(path, 'pointing bookmarks to what is left', error);
    }
  }

  /** Builds the bookmark index again. Until it is done, a bookmark may not be found. */
  async #indexAgain(): Promise<void> {
    const { store, reader, bookmarks } = this.#parts;
    await bookmarks.clear();
    await catchUp(bookmarks, reader, store.committed);
    await bookmarks.flush();
  }

  /** Replaces the data of a committed entry by data of the same length. */
  async update(entry: number, type: number, data: Uint8Array): Promise<void> {
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
    // Now: once it is in place of the old one, its memory may be used for another page.
    const row = changed.filled === geometry.pageBytes ? changed.row(store.location) : undefined;
    const update = { offset, entry: bytes, operationCrc };
    await preparePendingUpdate(disk, path, update);
    await this.#changing(`updating entry ${entry}`, async () => {
      // No slot's checksum may cover bytes that are about to change.
      await this.#records.mark({});
      await store.overwrite(old, changed, () =>
        applyPendingUpdate(disk, path, file, update, async () => {
          await store.directory.forget(index);
          await journal.setCrc(entry, operationCrc);
        }),
      );
    });
    if (row) store.directory.put(index, row);
    this.#appender.replacePage(changed);
  }

  /** Changes what is committed, when those who read the file beside this process know. A failure ends writing. */
  async #changing(doing: string, steps: () => Promise<void>): Promise<void> {
    const { events } = this.#parts;
    await events.changing();
    try {
      await this.#fatally(doing, steps);
    } finally {
      events.changed();
    }
  }
}

function entryNotFound(entry: number, entries: number): StreamFileError {
  return new StreamFileError(
    'entry-not-found',
    `entry ${entry} does not exist: the stream has ${entries} entries`,
  );
}
