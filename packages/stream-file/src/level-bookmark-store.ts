/**
 * Bookmarks in a LevelDB folder, as the Go reference lays it out: key = the bookmark's bytes, value = entry number as a
 * u64. The operating system's lock on that folder is also what makes the stream file's writer the only one.
 */
import { rm } from 'node:fs/promises';

import { ClassicLevel } from 'classic-level';

import type { BookmarkStore } from './bookmark-index.js';

const BINARY = { keyEncoding: 'view', valueEncoding: 'view' } as const;

/** Another process, or another part of this one, has the folder open. */
export class BookmarkStoreLocked extends Error {
  override readonly name = 'BookmarkStoreLocked';
}

/**
 * Opens the folder, which is made if it is not there. One that is damaged is replaced by an empty one.
 * @throws {BookmarkStoreLocked}
 */
export async function openLevelBookmarkStore(path: string): Promise<BookmarkStore> {
  let db: ClassicLevel<Uint8Array, Uint8Array>;
  try {
    db = await openLevel(path);
  } catch (error) {
    if (errorCode(error) === 'LEVEL_LOCKED')
      throw new BookmarkStoreLocked(`${path} is locked`, { cause: error });
    if (errorCode(error) !== 'LEVEL_CORRUPTION') throw error;
    await rm(path, { recursive: true, force: true });
    db = await openLevel(path);
  }
  return {
    get: (key) => db.getSync(key),
    async write(pairs, durable) {
      const batch = db.batch();
      for (const [key, value] of pairs) {
        if (value) batch.put(key, value);
        else batch.del(key);
      }
      await batch.write({ sync: durable });
    },
    clear: () => db.clear(),
    close: () => db.close(),
  };
}

async function openLevel(path: string): Promise<ClassicLevel<Uint8Array, Uint8Array>> {
  const db = new ClassicLevel<Uint8Array, Uint8Array>(path, BINARY);
  await db.open();
  return db;
}

/** The code of what lies at the bottom: LevelDB's own reason stands in the cause. */
function errorCode(error: unknown): unknown {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return cause === undefined ? code : errorCode(cause);
}
