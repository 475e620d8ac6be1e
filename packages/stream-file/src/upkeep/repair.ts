/**
 * Repairs a file as far as that loses nothing that can still be read: what recovery does, a cut behind the last whole
 * entry where only damage follows, and everything that is derived.
 *
 * The cut is a commit like any other: a slot of a new session, with nothing behind it to be checked. So a crash in the
 * middle leaves either the file as it was, or one that recovery finishes.
 */
import { basename } from 'node:path';

import { entryLengthAt, entryNumberAt, readU64AsNumber } from '@ds/codec';

import { BookmarkIndex } from '../bookmarks/bookmark-index.js';
import { openLevelBookmarkStore } from '../bookmarks/level-bookmark-store.js';
import { damagedSlots } from '../commits/header-check.js';
import { HeaderPage, SLOT_BYTES, STAMP_AT, type Extent } from '../commits/header-page.js';
import type { DiskFile } from '../disk/disk.js';
import { nodeDisk } from '../disk/node-disk.js';
import { ioError, StreamFileError } from '../errors.js';
import { RECORD_BYTES } from '../journal/journal-format.js';
import { Journal } from '../journal/journal.js';
import { removeHolder } from '../opening/holder.js';
import { parseHeaderPage, type ProgressListener } from '../opening/recovery.js';
import { Geometry, HEADER_PAGE_BYTES } from '../pages/geometry.js';
import { isEntry } from '../pages/page-check.js';
import { newSession } from '../pages/page-directory.js';
import { directoryPath, journalPath } from '../paths.js';
import { lock, StreamFile } from '../stream-file.js';
import type { StreamFileProblem, VerifyReport } from './verify.js';

/** What a repair does. */
export type RepairStep =
  /** What opening the file does: settles what is committed, wipes what stands behind, brings the size to whole pages. */
  | { readonly kind: 'recover' }
  /** Makes `to` the stream's end; `lost` entries go, all of them damaged. */
  | { readonly kind: 'cut'; readonly to: Extent; readonly lost: number }
  /** Zeroes padding from an offset on. */
  | { readonly kind: 'padding'; readonly offset: number }
  /** Empties commit slots that are not what was written. */
  | { readonly kind: 'slots' }
  /** Has the page directory made again. */
  | { readonly kind: 'directory' }
  /** Empties records of the operation journal that are not what was written, or all of it where its header is not. */
  | { readonly kind: 'journal'; readonly offsets: readonly number[] }
  /** Builds the bookmark index again. */
  | { readonly kind: 'index' };

/** What would be done, or why that is left to a person. */
export interface RepairPlan {
  readonly steps: readonly RepairStep[];
  readonly obstacle: 'identity' | 'shared-index' | 'damaged-inside' | undefined;
}

const isOf =
  (...kinds: readonly StreamFileProblem['kind'][]) =>
  ({ kind }: StreamFileProblem): boolean =>
    kinds.includes(kind);

/**
 * What is to be done about what `verify` has found. No steps: nothing. An update that was interrupted comes first, as it may
 * be all that is wrong: verify again when it is done.
 */
export function planRepair(report: VerifyReport): RepairPlan {
  const { problems, committed, whole, state, index } = report;
  if (problems.some(isOf('identity'))) return { steps: [], obstacle: 'identity' };
  if (index === 'of another file') return { steps: [], obstacle: 'shared-index' };
  if (report.isUpdating) return { steps: [{ kind: 'recover' }], obstacle: undefined };
  if (report.isDamagedInside) return { steps: [], obstacle: 'damaged-inside' };
  const isCut = whole.entries !== committed.entries || whole.length < committed.length;
  const steps: RepairStep[] = [];
  if (isCut) steps.push({ kind: 'cut', to: whole, lost: committed.entries - whole.entries });
  for (const { offset = 0 } of problems.filter(isOf('padding')))
    if (offset < whole.length) steps.push({ kind: 'padding', offset });
  if (problems.some(isOf('slot'))) steps.push({ kind: 'slots' });
  if (problems.some(isOf('directory'))) steps.push({ kind: 'directory' });
  const offsets = problems.filter(isOf('journal')).map(({ offset = 0 }) => offset);
  if (offsets.length > 0) steps.push({ kind: 'journal', offsets });
  const isIndexWrong = index !== 'checked' && index !== 'in use';
  if (isCut || isIndexWrong || problems.some(isOf('bookmark'))) steps.push({ kind: 'index' });
  if (state !== 'clean' || problems.some(isOf('size', 'tail'))) steps.push({ kind: 'recover' });
  return { steps, obstacle: undefined };
}

/**
 * Does what was planned, and opens and closes the file once, which does the rest.
 * @throws {StreamFileError} `locked` if the file is in use, `io`, or `damaged` if it has changed since it was verified
 */
export async function repair(
  path: string,
  steps: readonly RepairStep[],
  onProgress?: ProgressListener,
): Promise<void> {
  const cut = steps.find((step) => step.kind === 'cut');
  const rewrites = cut !== undefined || steps.some(({ kind }) => kind === 'slots');
  await alone(path, async (file, bookmarks) => {
    for (const step of steps) if (step.kind === 'padding') await wipePadding(file, step.offset);
    if (cut || steps.some(({ kind }) => kind === 'directory')) await nodeDisk.remove(directoryPath(path));
    for (const step of steps) if (step.kind === 'journal') await emptyRecords(path, step.offsets);
    if (steps.some(({ kind }) => kind === 'index')) await bookmarks.clear();
    if (rewrites) await rewriteHeaderPage(file, path, cut?.to);
  });
  await reopen(path, onProgress);
}

/**
 * Cuts a file so that `entry` is the next one, whatever stands behind it: for a file that is damaged there.
 * @throws {StreamFileError} `locked`, `entry-not-found`, `damaged` if entry `entry` - 1 is not whole itself, or `io`
 */
export async function cutDamaged(path: string, entry: number, onProgress?: ProgressListener): Promise<void> {
  await alone(path, async (file, bookmarks) => {
    const to = await extentBefore(file, path, entry);
    await nodeDisk.remove(directoryPath(path));
    await bookmarks.clear();
    await rewriteHeaderPage(file, path, to);
  });
  await reopen(path, onProgress);
}

/**
 * Forgets the bookmark index and reads it from the stream again.
 * @throws {StreamFileError} `locked`, `damaged` or `io`
 */
export function rebuildIndex(path: string, onProgress?: ProgressListener): Promise<void> {
  return repair(path, [{ kind: 'index' }], onProgress);
}

async function reopen(path: string, onProgress: ProgressListener | undefined): Promise<void> {
  const file = await StreamFile.open(path, onProgress ? { onProgress } : {});
  await file.close();
}

/** Works on the file's bytes while nobody else can have it. */
async function alone(
  path: string,
  work: (file: DiskFile, bookmarks: BookmarkIndex) => Promise<void>,
): Promise<void> {
  // Where there is no stream file, none of its side files is to appear.
  const file = await nodeDisk.open(path).catch((error: unknown) => {
    throw ioError(path, 'opening', error);
  });
  try {
    const bookmarks = new BookmarkIndex(await lock(nodeDisk, path, openLevelBookmarkStore), basename(path));
    try {
      await work(file, bookmarks);
    } catch (error) {
      throw ioError(path, 'repairing', error);
    } finally {
      await removeHolder(nodeDisk, path);
      await bookmarks.close();
    }
  } finally {
    await file.close();
  }
}

async function wipePadding(file: DiskFile, offset: number): Promise<void> {
  const end = new Geometry().gridSize(offset + 1);
  await file.write(offset, new Uint8Array(end - offset));
  await file.sync();
}

/** What stands at these offsets of the journal is not known any more. */
async function emptyRecords(path: string, offsets: readonly number[]): Promise<void> {
  if (offsets.includes(0)) {
    await nodeDisk.remove(journalPath(path));
    return;
  }
  const journal = await nodeDisk.open(journalPath(path));
  try {
    for (const offset of offsets) await journal.write(offset, new Uint8Array(RECORD_BYTES));
    await journal.sync();
  } finally {
    await journal.close();
  }
}

/** Commits `extent`, or what is committed already, and empties the slots that hold no commit. */
async function rewriteHeaderPage(file: DiskFile, path: string, extent: Extent | undefined): Promise<void> {
  const bytes = new Uint8Array(HEADER_PAGE_BYTES);
  await file.read(0, bytes);
  const { identity, ours, commits, extent: headerExtent } = parseHeaderPage(bytes, path);
  for (const at of damagedSlots(bytes)) bytes.fill(0, at, at + SLOT_BYTES);
  const newest = commits[0];
  const base = Math.max(newest?.sequence ?? 0, ours ? readU64AsNumber(bytes, STAMP_AT + 4) : 0);
  const end = extent ?? (ours && newest ? newest.end : headerExtent);
  const session = newSession();
  const journal = await Journal.open(nodeDisk, path, end, ours ? newest?.session : undefined, session);
  const headerPage = new HeaderPage(identity, bytes);
  headerPage.record({
    sequence: base + 1,
    base,
    start: end,
    end,
    epoch: newest?.epoch ?? 0n,
    session,
    dataCrc: 0,
    clean: false,
  });
  try {
    await file.write(0, headerPage.bytes);
    await file.sync();
    await journal.confirm();
  } finally {
    await journal.close();
  }
}

/** The stream up to, not including, an entry. Reads the head of each page, and one page. */
async function extentBefore(file: DiskFile, path: string, entry: number): Promise<Extent> {
  const geometry = new Geometry();
  const size = await file.size();
  const page = new Uint8Array(geometry.pageBytes);
  let start = HEADER_PAGE_BYTES;
  for (let at = start; at < size; at += geometry.pageBytes) {
    const head = new Uint8Array(17);
    await file.read(at, head);
    if (head[0] !== 0 && entryNumberAt(head, 0) <= entry) start = at;
    else if (head[0] !== 0) break;
  }
  await file.read(start, page.fill(0));
  let at = 0;
  let number = start === HEADER_PAGE_BYTES ? 0 : entryNumberAt(page, 0);
  while (number < entry && isEntry(page, at) && entryNumberAt(page, at) === number) {
    at += entryLengthAt(page, at);
    number++;
  }
  if (number === entry) return { length: start + at, entries: entry };
  throw new StreamFileError(
    'damaged',
    `${path}: the bytes at offset ${start + at} are not entry ${number}: it cannot be cut behind them`,
  );
}
