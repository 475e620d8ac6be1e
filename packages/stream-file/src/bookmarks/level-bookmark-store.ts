/**
 * Bookmarks in a LevelDB folder, as the Go reference lays it out: key = the bookmark's bytes, value = entry number as a
 * u64. The operating system's lock on that folder is also what makes the stream file's writer the only one.
 *
 * LevelDB writes nothing more once a write of its own has failed. So after one that found the disk full the folder is
 * opened anew when there is room again. Whoever took the lock in between keeps it, and this store fails for good.
 */
import { access, rm, statfs } from 'node:fs/promises';

import { ClassicLevel } from 'classic-level';

import { equalBytes } from '@ds/codec';

import { INDEXED_TO_KEY, numberOf, ownerOf, type BookmarkStore } from './bookmark-index.js';
import { isLockedAsByReference } from './reference-lock.js';

const BINARY = { keyEncoding: 'view', valueEncoding: 'view' } as const;

/** Room on the disk, in bytes, with which LevelDB can be expected to open and to write: some times its write buffer. */
const ROOM_BYTES = 16 << 20;

/** A bookmark's key is shorter. */
const BEHIND_ALL_KEYS = new Uint8Array(17).fill(0xff);

/** Another process, or another part of this one, has the folder open. */
export class BookmarkStoreLocked extends Error {
  override readonly name = 'BookmarkStoreLocked';
}

/**
 * Opens the folder, which is made if it is not there. One that is damaged is replaced by an empty one.
 * @throws {BookmarkStoreLocked}
 */
export async function openLevelBookmarkStore(path: string): Promise<BookmarkStore> {
  let db: Level;
  try {
    db = await openLevel(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'LEVEL_CORRUPTION') throw error;
    await rm(path, { recursive: true, force: true });
    db = await openLevel(path);
  }
  /** The write that found the disk full. */
  let refused: Error | undefined;
  return {
    get: (key) => db.getSync(key),
    async write(pairs, durable) {
      if (refused !== undefined) {
        if ((await freeBytes(path)) < ROOM_BYTES) throw refused;
        await db.close();
        db = await openLevel(path);
        refused = undefined;
      }
      try {
        await write(db, pairs, durable);
      } catch (error) {
        const reason = asSystemError(error);
        if (reason.code === 'ENOSPC') refused = reason;
        throw reason;
      }
    },
    clear: () => db.clear(),
    async close() {
      if (db.status === 'open') await emptyLog(db);
      await db.close();
    },
  };
}

/** A bookmark index that is open to be looked at, and locked meanwhile. */
export interface StoredBookmarks {
  /** How many entries of the stream it has taken in; undefined if another program wrote it. */
  readonly indexedTo: number | undefined;
  /** Name of the stream file whose index it is; undefined if another program wrote it. */
  readonly owner: string | undefined;
  /** Entry number of a key. */
  get(key: Uint8Array): number | undefined;
  /** The bookmarks' keys. */
  keys(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Opens a folder that is there, to be looked at; or says why that cannot be. */
export async function openLevelBookmarks(
  path: string,
): Promise<StoredBookmarks | 'missing' | 'in use' | 'damaged' | 'unreadable'> {
  let db: Level;
  try {
    await access(path);
    db = await openLevel(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof BookmarkStoreLocked) return 'in use';
    if (code === 'ENOENT') return 'missing';
    return code === 'LEVEL_CORRUPTION' ? 'damaged' : 'unreadable';
  }
  const numberAt = (key: Uint8Array): number | undefined => {
    const value = db.getSync(key);
    return value && numberOf(value);
  };
  return {
    indexedTo: numberAt(INDEXED_TO_KEY),
    owner: ownerOf({ get: (key) => db.getSync(key) }),
    get: numberAt,
    async *keys() {
      for await (const key of db.keys()) if (!equalBytes(key, INDEXED_TO_KEY)) yield key;
    },
    close: () => db.close(),
  };
}

type Level = ClassicLevel<Uint8Array, Uint8Array>;

/** @throws {BookmarkStoreLocked} */
async function openLevel(path: string): Promise<Level> {
  // Before anything is touched: to open the folder is to change it.
  if (await isLockedAsByReference(path)) throw new BookmarkStoreLocked(`${path} is locked by the reference`);
  const db: Level = new ClassicLevel(path, BINARY);
  try {
    await db.open();
  } catch (error) {
    const reason = asSystemError(error);
    if (reason.code !== 'LEVEL_LOCKED') throw reason;
    throw new BookmarkStoreLocked(`${path} is locked`, { cause: reason });
  }
  return db;
}

/**
 * Moves what the log holds to a table, as the reference's LevelDB may not take it from the log: it leaves out what was logged
 * before the manifest was last written, which here goes on beside the log.
 */
async function emptyLog(db: Level): Promise<void> {
  // Whatever the range, what is in memory is written first. There is nothing in this one that would have to be rewritten.
  await db.compactRange(BEHIND_ALL_KEYS, BEHIND_ALL_KEYS);
}

async function write(
  db: Level,
  pairs: Iterable<readonly [Uint8Array, Uint8Array | undefined]>,
  durable: boolean,
): Promise<void> {
  const batch = db.batch();
  // LevelDB copies what it is given.
  for (const [key, value] of pairs) {
    if (value) batch.put(key, value);
    else batch.del(key);
  }
  await batch.write({ sync: durable });
}

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/** What lies at the bottom of an error. LevelDB's own tells a full disk only in its text. */
function asSystemError(error: unknown): NodeJS.ErrnoException {
  const reason = error instanceof Error ? (error as NodeJS.ErrnoException) : new Error(String(error));
  if (reason.cause !== undefined) return asSystemError(reason.cause);
  if (!/no space left on device|disk quota exceeded/i.test(reason.message)) return reason;
  return Object.assign(new Error(reason.message, { cause: reason }), { code: 'ENOSPC' });
}
