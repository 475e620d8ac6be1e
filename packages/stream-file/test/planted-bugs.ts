// Guards of the engine, each of which is removed in turn: what is left must be caught. The text to be replaced stands
// exactly once in its file, or the test fails: so this list moves with the code.

/** Which check has to catch a bug; see program/planted-bug.ts. */
export type Check = 'crashes' | 'flips' | 'restored' | 'slots';

export interface PlantedBug {
  readonly guard: string;
  readonly caughtBy: Check;
  /** File in `src`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    guard: 'a commit is synced before it is acknowledged',
    caughtBy: 'crashes',
    file: 'commits/writer.ts',
    find: 'if (durable) await this.#sync();',
    replace: 'if (durable) this.#durable = this.#record;',
  },
  {
    guard: 'a commit is recorded before it is acknowledged',
    caughtBy: 'crashes',
    file: 'commits/writer.ts',
    find: 'await this.#writeRecord({ end, dataCrc }, this.#mustSync(end));',
    replace: 'setTimeout(() => void this.#writeRecord({ end, dataCrc }, this.#mustSync(end)));',
  },
  {
    guard: 'the data of a commit stand in the file before its record is synced',
    caughtBy: 'crashes',
    file: 'commits/writer.ts',
    find: 'await this.#meanwhile(file.write(at, part));',
    replace: 'setTimeout(() => void file.write(at, part));',
  },
  {
    guard: 'the data of a small commit stand in the file before its record is synced',
    caughtBy: 'crashes',
    file: 'commits/writer.ts',
    find: 'file.writeSync(at, part);',
    replace: 'setTimeout(() => { file.writeSync(at, part); });',
  },
  {
    guard: 'a record without a checksum of data stands on durable data',
    caughtBy: 'crashes',
    file: 'commits/writer.ts',
    find: 'if (this.#record !== this.#durable) await this.#sync();\n    await this.#writeRecord({ start',
    replace: 'await this.#writeRecord({ start',
  },
  {
    guard: 'an operation that was written ahead stands on durable data',
    caughtBy: 'crashes',
    file: 'commits/writer.ts',
    find: 'if (spill && this.#record !== this.#durable) await this.#sync();',
    replace: '',
  },
  {
    guard: 'the checksum of the data decides whether a commit is whole',
    caughtBy: 'crashes',
    file: 'opening/recovery.ts',
    find: '(await rangeCrc(file, commit.start.length, commit.end.length)) === commit.dataCrc',
    replace: '(await rangeCrc(file, commit.start.length, commit.end.length)) !== -1',
  },
  {
    guard: 'commits older than the base of the newest are not believed',
    caughtBy: 'slots',
    file: 'opening/recovery.ts',
    find: 'if (commit.sequence <= newest.base) break;',
    replace: '',
  },
  {
    guard: 'a recovery wipes what is not committed',
    caughtBy: 'crashes',
    file: 'opening/recovery.ts',
    find: 'space.wipe(commit.end.length);',
    replace: '',
  },
  {
    guard: 'a recovery makes durable what it has found, before it says so',
    caughtBy: 'crashes',
    file: 'opening/recovery.ts',
    find: 'space.wipe(commit.end.length);\n    await file.sync();',
    replace: 'space.wipe(commit.end.length);',
  },
  {
    guard: 'a commit slot whose checksum fails is none',
    caughtBy: 'flips',
    file: 'commits/header-page.ts',
    find: 'if (readU32(slot, SLOT_CRC_AT) !== crc32(slot.subarray(0, SLOT_CRC_AT))) return undefined;',
    replace: '',
  },
  {
    guard: 'a new file is synced before it gets its name',
    caughtBy: 'crashes',
    file: 'opening/creation.ts',
    find: 'await file.sync();',
    replace: '',
  },
  {
    guard: 'the folder is synced after a file was created',
    caughtBy: 'crashes',
    file: 'opening/creation.ts',
    find: 'await disk.syncFolder(path);',
    replace: '',
  },
  {
    guard: 'bookmarks are indexed when they are committed, not before',
    caughtBy: 'crashes',
    file: 'commits/writer.ts',
    find: 'this.#writingTo = end;',
    replace: 'this.#writingTo = end; bookmarks.add(this.#bookmarks.takeBelow(end.entries), end.entries);',
  },
  {
    guard: 'an index that is ahead of the stream is made anew',
    caughtBy: 'crashes',
    file: 'stream-file.ts',
    find: 'if (!bookmarks.isUsable || bookmarks.indexedTo > committed.entries) await bookmarks.clear();',
    replace: 'if (!bookmarks.isUsable) await bookmarks.clear();',
  },
  {
    guard: 'a rollback forgets the bookmarks of its operation',
    caughtBy: 'crashes',
    file: 'commits/writer.ts',
    find: 'this.#bookmarks.cut(start.entries);\n    this.#appender.rewind(start);',
    replace: 'this.#appender.rewind(start);',
  },
  {
    guard: 'bookmarks that a truncation has changed are durable',
    caughtBy: 'crashes',
    file: 'bookmarks/bookmark-index.ts',
    find: 'this.#wasCut = true;',
    replace: '',
  },
  {
    guard: 'a truncation wipes what it cuts off',
    caughtBy: 'crashes',
    file: 'commits/writer.ts',
    find: 'space.wipe(length);\n        await file.sync();',
    replace: 'await file.sync();',
  },
  {
    guard: 'a truncation forgets what the pages held that it cuts off',
    caughtBy: 'crashes',
    file: 'pages/page-directory.ts',
    find: 'if ((await this.#file.size()) > rowAt(index)) this.#file.resizeSync(rowAt(index));',
    replace: '',
  },
  {
    guard: 'a refused commit leaves nothing on a full disk',
    caughtBy: 'crashes',
    file: 'commits/writer.ts',
    find: 'space.wipe(store.committed.length);\n    this.#tailIsDirty = false;',
    replace: 'this.#tailIsDirty = false;',
  },
  {
    guard: 'a rollback removes what was written ahead',
    caughtBy: 'crashes',
    file: 'commits/writer.ts',
    find: 'space.wipe(store.location.geometry.gridSize(start.length));',
    replace: '',
  },
  {
    guard: 'the first page of a large operation is written with the commit, not ahead',
    caughtBy: 'crashes',
    file: 'commits/appender.ts',
    find: 'this.#space.ensure(spill.length + bytes.length);',
    replace:
      'this.#space.ensure(spill.length + bytes.length); ' +
      'this.#file.writeSync(this.#start.length, this.#heldPage(first).bytes.subarray(geometry.offsetInPage(this.#start.length)));',
  },
  {
    guard: 'a page is described when it is committed, not when it is written ahead',
    caughtBy: 'crashes',
    file: 'commits/appender.ts',
    find: 'spill.rows.push(page.row(this.#store.location));',
    replace:
      'spill.rows.push(page.row(this.#store.location)); this.#store.directory.put(oldest, spill.rows.at(-1)!);',
  },
  {
    guard: 'an epoch is durable when it is raised',
    caughtBy: 'crashes',
    file: 'commits/writer.ts',
    find: 'this.#writeMark({ epoch })',
    replace: 'this.#writeRecord({ epoch }, false)',
  },
  {
    guard: 'an update is written down durably before it is begun',
    caughtBy: 'crashes',
    file: 'commits/pending-update.ts',
    find: 'await pending.sync();',
    replace: '',
  },
  {
    guard: 'an update that is written down has its name before the entry is overwritten',
    caughtBy: 'crashes',
    file: 'commits/pending-update.ts',
    find: 'await disk.rename(preparedPath(path), updatePath(path));\n  await disk.syncFolder(path);',
    replace: 'await disk.rename(preparedPath(path), updatePath(path));',
  },
  {
    guard: 'an update that is done is not done again',
    caughtBy: 'crashes',
    file: 'commits/pending-update.ts',
    find: 'await disk.remove(updatePath(path));\n  await disk.syncFolder(path);\n}\n\nasync function readPending',
    replace: '}\n\nasync function readPending',
  },
  {
    guard: 'an update is finished after a crash',
    caughtBy: 'crashes',
    file: 'commits/pending-update.ts',
    find: 'if (!bytes) return;',
    replace: 'if (bytes?.length !== 0) return;',
  },
  {
    guard: 'no commit depends on the old bytes of an entry that is updated',
    caughtBy: 'crashes',
    file: 'commits/writer.ts',
    find: 'await this.#writeMark({});',
    replace: '',
  },
  {
    guard: 'the page of an updated entry is described anew',
    caughtBy: 'crashes',
    file: 'commits/writer.ts',
    find: '() => store.directory.forget(index)',
    replace: '() => Promise.resolve()',
  },
  {
    guard: 'what a page held is forgotten durably before its update is done',
    caughtBy: 'crashes',
    file: 'pages/page-directory.ts',
    find: 'await this.#file.write(rowAt(index), new Uint8Array(ROW_BYTES));\n    await this.#file.sync();',
    replace: 'await this.#file.write(rowAt(index), new Uint8Array(ROW_BYTES));',
  },
  {
    guard: 'a row of the page directory whose checksum fails is none',
    caughtBy: 'flips',
    file: 'pages/page-directory.ts',
    find: 'readU32(bytes, ROW_CRC_AT) === crc32(bytes.subarray(0, ROW_CRC_AT)) && ',
    replace: '',
  },
  {
    guard: 'a block that is read is verified',
    caughtBy: 'flips',
    file: 'reading/reader.ts',
    find: 'if (crc32(bytes) !== block.crc) throw damagedBlock(row, inBlock, index, location);',
    replace: '',
  },
  {
    guard: 'a page that is read is verified',
    caughtBy: 'flips',
    file: 'pages/page-store.ts',
    find: 'if (row) page.verify(row, this.location);',
    replace: 'if (row) return;',
  },
  {
    guard: 'an update that is written down is verified',
    caughtBy: 'flips',
    file: 'commits/pending-update.ts',
    find: '&& readU32(bytes, 16) === checksum(bytes)',
    replace: '',
  },
  {
    guard: 'the page directory of another version of the file is not believed',
    caughtBy: 'restored',
    file: 'pages/page-directory.ts',
    find: 'readU64(header, 12) === session',
    replace: 'session !== undefined',
  },
];
