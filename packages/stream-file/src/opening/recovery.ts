/**
 * Finds out, when a file is opened, what of it is committed, and removes what is not.
 *
 * A file that was closed cleanly needs no more than a look at its header page and its tail. After a crash the newest
 * commit slot says what was durable before it, and that holds; what came after it holds as far as its bytes are all there,
 * and is written again, since a sync may have failed with it.
 * A file that another program wrote last is read through once, and taken over as that program's header says if its
 * entries bear it out.
 */
import { crc32 } from 'node:zlib';

import { CodecError, type StreamIdentity } from '@ds/codec';

import {
  HeaderPage,
  readHeaderPage,
  type CommitRecord,
  type Extent,
  type HeaderPageState,
} from '../commits/header-page.js';
import type { DiskFile } from '../disk/disk.js';
import { FileSpace } from '../disk/file-space.js';
import { StreamFileError } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import { HEADER_PAGE_BYTES } from '../pages/geometry.js';
import { newSession } from '../pages/page-directory.js';
import { Page, type PageLocation } from '../pages/page.js';

/** Called now and then by what takes long: `done` of `total` bytes of the file. */
export type ProgressListener = (step: 'check' | 'index', done: number, total: number) => void;

/** What recovery needs of whoever opens the file. */
export interface RecoveryHooks {
  /** Throws if this is not the stream that was wanted. Called before anything is written. */
  accept(identity: StreamIdentity): void;
  /** Throws if a file that was closed cleanly is not what it was then. Called before anything is written. */
  verifyClosed(commit: CommitRecord): Promise<void>;
  /**
   * Opens the journal of a stream that ends at `end`, before the file gets a new session. `lastSession` is the one that it
   * had; undefined if another program has written to it since.
   */
  openJournal(end: Extent, lastSession: bigint | undefined, session: bigint): Promise<Journal>;
  /** Forgets, durably, what was derived from the stream. Called before another program's work is taken over. */
  forgetDerived(): Promise<void>;
  readonly onProgress: ProgressListener | undefined;
}

/** A file that is ready to be written to. */
export interface Recovered {
  readonly identity: StreamIdentity;
  readonly headerPage: HeaderPage;
  readonly space: FileSpace;
  /** The last commit. */
  readonly commit: CommitRecord;
  /** The session that the file had before it was opened; undefined if another program has written to it since. */
  readonly lastSession: bigint | undefined;
  readonly journal: Journal;
}

/** Bytes read at a time while checking. */
const READ_BYTES = 1 << 20;

/**
 * Reads the header page, settles what is committed, and wipes what is not.
 * @throws {StreamFileError} `not-a-stream-file` or `damaged`
 */
export async function recover(file: DiskFile, where: PageLocation, hooks: RecoveryHooks): Promise<Recovered> {
  const { path, geometry } = where;
  const size = await file.size();
  const { bytes, found } = await readHeader(file, path);
  if (found.damage) throw new StreamFileError('damaged', `${path}: ${found.damage}`);
  hooks.accept(found.identity);

  const { commit, foreign } = await settle(file, found, size, where, hooks);
  if (commit.clean) await hooks.verifyClosed(commit);
  // First of all: once the header is ours again, nobody can tell any more.
  if (foreign) await hooks.forgetDerived();
  const space = new FileSpace(file, geometry, size);
  const newest = found.commits[0];
  if (!commit.clean || !geometry.isOnGrid(size)) {
    // What holds comes first: if the header were lost after the wipe, an older one would count what is gone.
    if (newest && !foreign) {
      await writeAgain(file, newest.start.length, commit.end.length);
      await file.write(0, bytes);
    }
    await file.sync();
    space.wipe(commit.end.length);
    await writeAgain(file, commit.end.length, geometry.gridSize(commit.end.length));
  }

  const session = newSession();
  const lastSession = foreign ? undefined : commit.session;
  const journal = await hooks.openJournal(commit.end, lastSession, session);

  // From here on the file is in use: until it is closed cleanly, its tail may hold anything.
  const base = newest?.sequence ?? 0;
  const opened: CommitRecord = {
    sequence: base + 1,
    base,
    start: commit.end,
    end: commit.end,
    epoch: commit.epoch,
    session,
    dataCrc: 0,
    clean: false,
  };
  const headerPage = new HeaderPage(found.identity, bytes);
  headerPage.record(opened);
  await file.write(0, headerPage.bytes);
  await file.sync();
  await journal.confirm();
  return { identity: found.identity, headerPage, space, commit: opened, lastSession, journal };
}

/** @throws {StreamFileError} `not-a-stream-file` */
export async function readHeader(
  file: DiskFile,
  path: string,
): Promise<{ bytes: Uint8Array; found: HeaderPageState }> {
  const bytes = new Uint8Array(HEADER_PAGE_BYTES);
  const count = await file.read(0, bytes);
  if (count < HEADER_PAGE_BYTES) {
    throw new StreamFileError('not-a-stream-file', `${path}: ${count} bytes are too few for a header page`);
  }
  return { bytes, found: parseHeaderPage(bytes, path) };
}

/** What is committed, and whether another program has written to the file since this package did. */
async function settle(
  file: DiskFile,
  found: HeaderPageState,
  size: number,
  where: PageLocation,
  { onProgress }: RecoveryHooks,
): Promise<{ commit: CommitRecord; foreign: boolean }> {
  const newest = found.commits[0];
  if (!found.ours || !newest)
    return { commit: await adopt(file, found, size, where, onProgress), foreign: true };
  if (newest.start.length > size) {
    throw new StreamFileError(
      'damaged',
      `${where.path}: ${newest.start.length} bytes are committed, but the file has only ${size}`,
    );
  }
  if (!newest.clean) return { commit: await newestWhole(file, found.commits, size), foreign: false };
  const foreign = await hasTail(file, newest.end.length, where);
  return { commit: { ...newest, clean: !foreign }, foreign };
}

/** @throws {StreamFileError} `not-a-stream-file` */
export function parseHeaderPage(bytes: Uint8Array, path: string): HeaderPageState {
  try {
    return readHeaderPage(bytes);
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    throw new StreamFileError('not-a-stream-file', `${path}: no stream file: ${error.message}`, {
      cause: error,
    });
  }
}

/** The newest commit whose data are all in the file. What the newest slot builds on was synced before it was written. */
export async function newestWhole(
  file: DiskFile,
  commits: readonly CommitRecord[],
  size: number,
): Promise<CommitRecord> {
  const newest = commits[0]!;
  for (const commit of commits) {
    if (commit.sequence <= newest.base) break;
    if (
      commit.end.length <= size &&
      (await rangeCrc(file, commit.start.length, commit.end.length)) === commit.dataCrc
    ) {
      return commit;
    }
  }
  return { ...newest, end: newest.start, dataCrc: 0 };
}

/**
 * Writes bytes of the file to where they stand. After a failed sync the operating system may go on showing what never came to
 * the disk, and a sync that succeeds makes only that durable which was written since.
 */
async function writeAgain(file: DiskFile, from: number, to: number): Promise<void> {
  const buffer = new Uint8Array(Math.min(READ_BYTES, Math.max(to - from, 0)));
  for (let at = from; at < to; at += buffer.length) {
    const part = buffer.subarray(0, to - at);
    await file.read(at, part);
    await file.write(at, part);
  }
}

/** Whether an entry stands where the next one would, at the stream's end or, if that does not fit, in the next page. */
async function hasTail(file: DiskFile, end: number, { geometry }: PageLocation): Promise<boolean> {
  const byte = new Uint8Array(1);
  for (const offset of [end, geometry.pageStart(geometry.pageOf(end) + 1)]) {
    if ((await file.read(offset, byte)) > 0 && byte[0] !== 0) return true;
  }
  return false;
}

/** Takes over what another program wrote, if every entry that its header promises is there. */
async function adopt(
  file: DiskFile,
  { extent, commits }: HeaderPageState,
  size: number,
  where: PageLocation,
  onProgress: ProgressListener | undefined,
): Promise<CommitRecord> {
  const { path } = where;
  if (!Number.isSafeInteger(extent.length) || extent.length < HEADER_PAGE_BYTES || extent.length > size) {
    throw new StreamFileError(
      'damaged',
      `${path}: the header says that ${extent.length} bytes are in use, but the file has ${size}`,
    );
  }
  const walked = await walk(file, extent, where, onProgress);
  if (walked.extent.entries !== extent.entries || walked.extent.length !== extent.length) {
    throw new StreamFileError(
      'damaged',
      `${path}: the header promises ${extent.entries} entries in ${extent.length} bytes, but after entry ` +
        `${walked.extent.entries - 1} ends at offset ${walked.extent.length}: ${walked.reason ?? 'nothing follows'}`,
    );
  }
  return {
    sequence: 0,
    base: 0,
    start: extent,
    end: extent,
    epoch: commits[0]?.epoch ?? 0n,
    session: 0n,
    dataCrc: 0,
    clean: false,
  };
}

/** Walks entries from the first one on, as far as they are whole and consecutive, at most to `limit`. */
async function walk(
  file: DiskFile,
  limit: Extent,
  where: PageLocation,
  onProgress: ProgressListener | undefined,
): Promise<{ extent: Extent; reason: string | undefined }> {
  const { geometry } = where;
  let entries = 0;
  let length = HEADER_PAGE_BYTES;
  for (let index = 0; geometry.pageStart(index) < limit.length; index++) {
    const pageStart = geometry.pageStart(index);
    const pageLimit = Math.min(geometry.pageBytes, limit.length - pageStart);
    const page = new Page(index, new Uint8Array(geometry.pageBytes));
    page.filled = await file.read(pageStart, page.bytes.subarray(0, pageLimit));
    if (page.bytes[0] === 0 || page.firstEntry !== entries) {
      return {
        extent: { length, entries },
        reason: `the page at offset ${pageStart} does not start with entry ${entries}`,
      };
    }
    const { end, count, error } = page.countEntries(page.filled, where);
    entries += count;
    length = pageStart + end;
    if (error) return { extent: { length, entries }, reason: error.message };
    // The rest of a page is padding only if the stream goes on, or was cut, at the next page's start.
    if (pageLimit === geometry.pageBytes) length = pageStart + pageLimit;
    onProgress?.('check', pageStart + pageLimit, limit.length);
  }
  return { extent: { length, entries }, reason: undefined };
}

/** CRC-32 of the file's bytes from `from` to `to`; -1 if they are not all there. */
async function rangeCrc(file: DiskFile, from: number, to: number): Promise<number> {
  const buffer = new Uint8Array(Math.min(READ_BYTES, Math.max(to - from, 0)));
  let crc = 0;
  for (let at = from; at < to; at += buffer.length) {
    const part = buffer.subarray(0, Math.min(buffer.length, to - at));
    if ((await file.read(at, part)) < part.length) return -1;
    crc = crc32(part, crc);
  }
  return crc;
}
