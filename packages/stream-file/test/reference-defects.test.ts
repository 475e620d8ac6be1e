// Goal: what the Go reference is known to do wrong with its file does not come back here. One test a defect; those that
// need more than one test have files of their own: foreign-file (headers that lie), pages (entries over a page), crash
// (no sync at commit, header overwritten in place, crashes while creating and extending), failing-disk (write errors
// swallowed), locking (no lock).
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EntryBatch, entryBatch } from '@ds/codec';
import { StreamFile } from '../src/index.js';
import {
  ascii,
  bytes,
  bytesOf,
  commit,
  concat,
  entryBytes,
  hex,
  identity,
  isZero,
  readAll,
  temporaryFolders,
} from './bytes.js';
import { SimulatedMachine } from './simulated-machine.js';

const pageBytes = 128;

describe('a defect of the reference that is none here:', () => {
  const folder = temporaryFolders();

  it('uncommitted bytes stand in the file', async () => {
    const path = join(await folder(), 'stream.bin');
    await using file = await StreamFile.open(path, { create: identity });
    await commit(file, [1, bytes('aa')]);
    file.startAtomicOp();
    for (let i = 0; i < 100; i++) file.addStreamEntry(1, bytes('bb'));
    expect(isZero((await bytesOf(path, 8192)).subarray(file.committedLength))).toBe(true);
  });

  it('a reader runs on into entries that are not committed', async () => {
    const file = await new SimulatedMachine().open({ pageBytes });
    await commit(file, [1, bytes('aa')]);
    file.startAtomicOp();
    for (let i = 0; i < 20; i++) file.addStreamEntry(1, bytes('bb'.repeat(30)));
    expect(hex(await readAll(file))).toBe(hex(entryBytes(1, 0, bytes('aa'))));
    expect(await file.getEntry(1n)).toBeUndefined();
    const committing = file.commitAtomicOp();
    expect(await file.getEntry(1n)).toBeUndefined();
    await committing;
    expect((await file.getEntry(20n))?.number).toBe(20n);
  });

  it('a reader runs on into entries that were rolled back or cut off', async () => {
    const file = await new SimulatedMachine().open({ pageBytes });
    await commit(file, [1, bytes('aa')], [1, bytes('bb')]);
    file.startAtomicOp();
    file.addStreamEntry(1, bytes('cc'));
    file.rollbackAtomicOp();
    await file.truncateFile(1n);
    expect(hex(await readAll(file))).toBe(hex(entryBytes(1, 0, bytes('aa'))));
    await commit(file, [2, bytes('')]);
    expect(hex(await readAll(file))).toBe(
      hex(concat([entryBytes(1, 0, bytes('aa')), entryBytes(2, 1, bytes(''))])),
    );
  });

  it('a file that is exactly full sticks its readers', async () => {
    const machine = new SimulatedMachine();
    const file = await machine.open({ pageBytes });
    for (let page = 0; page < 100; page++) await commit(file, [1, new Uint8Array(pageBytes - 17)]);
    expect(file.committedLength).toBe(machine.content.length);
    expect((await readAll(file)).length).toBe(100 * pageBytes);
    expect(await file.read(file.committedLength, 100)).toBeUndefined();
    const end = file.committedLength;
    await commit(file, [2, bytes('aa')]);
    const chunk = await file.read(end, 100);
    expect(hex(chunk?.bytes)).toBe(hex(entryBytes(2, 100, bytes('aa'))));
  });

  it('bookmarks are known before the commit', async () => {
    const file = await new SimulatedMachine().open({ pageBytes });
    file.startAtomicOp();
    file.addStreamBookmark(ascii('key'));
    expect(file.getBookmark(ascii('key'))).toBeUndefined();
    await file.commitAtomicOp();
    expect(file.getBookmark(ascii('key'))).toBe(0n);
  });

  it('bookmarks are kept after a rollback', async () => {
    const file = await new SimulatedMachine().open({ pageBytes });
    await commit(file, 'key');
    file.startAtomicOp();
    file.addStreamBookmark(ascii('key'));
    file.addStreamBookmark(ascii('other'));
    file.rollbackAtomicOp();
    await commit(file, [1, bytes('aa')], [1, bytes('bb')]);
    expect(file.getBookmark(ascii('key'))).toBe(0n);
    expect(file.getBookmark(ascii('other'))).toBeUndefined();
  });

  it('bookmarks are kept after a truncation', async () => {
    const machine = new SimulatedMachine();
    const file = await machine.open({ pageBytes });
    await commit(file, 'key', 'gone', [1, bytes('aa')], 'key', 'gone too');
    await file.truncateFile(1n);
    await commit(file, [1, bytes('aa')], [1, bytes('bb')], [1, bytes('cc')], [1, bytes('dd')]);
    const bookmarks = (): unknown => ['key', 'gone', 'gone too'].map((key) => file.getBookmark(ascii(key)));
    expect(bookmarks()).toEqual([0n, undefined, undefined]);
    await file.close();
    const reopened = await machine.open({ pageBytes });
    expect(reopened.getBookmark(ascii('key'))).toBe(0n);
    expect(reopened.getBookmark(ascii('gone'))).toBeUndefined();
  });

  it('a bookmark index that is lost cannot be made again', async () => {
    const machine = new SimulatedMachine();
    const file = await machine.open({ pageBytes });
    await commit(file, 'key', [1, bytes('aa')], 'other', 'key');
    await file.close();
    const steps: string[] = [];
    const restored = await new SimulatedMachine(machine.disk).open({
      pageBytes,
      onProgress: (step) => steps.push(step),
    });
    expect(restored.getBookmark(ascii('key'))).toBe(3n);
    expect(restored.getBookmark(ascii('other'))).toBe(2n);
    expect(steps).toContain('index');
  });

  it('a dot in the name of a folder moves the bookmarks elsewhere', async () => {
    const home = join(await folder(), 'chain.v2', 'data');
    await mkdir(home, { recursive: true });
    await (await StreamFile.open(join(home, 'stream.bin'), { create: identity })).close();
    expect((await stat(join(home, 'stream.db'))).isDirectory()).toBe(true);
    await (await StreamFile.open(join(home, 'plain'), { create: identity })).close();
    expect((await stat(join(home, 'plain.db'))).isDirectory()).toBe(true);
  });

  it('bookmarks longer than a client may ask for are looked up by their beginning', async () => {
    const file = await new SimulatedMachine().open({ pageBytes });
    const long = ascii('a key of seventeen'.slice(0, 17));

    file.startAtomicOp();
    file.addStreamBatch(entryBatch(entryBytes(0xb0, 0, long)));
    await file.commitAtomicOp();
    expect(hex(await file.getEntryBytes(0n))).toBe(hex(entryBytes(0xb0, 0, long)));
    expect(file.getBookmark(long.subarray(0, 16))).toBeUndefined();
    expect(() => file.getBookmark(long)).toThrow(expect.objectContaining({ code: 'bad-bookmark' }));
  });

  it('a batch that is no batch is written all the same', async () => {
    const file = await new SimulatedMachine().open({ pageBytes });
    await commit(file, [1, bytes('aa')]);
    const good = entryBytes(1, 1, bytes('bb'));
    file.startAtomicOp();
    for (const [bad, code] of [
      [entryBytes(1, 0, bytes('bb')), 'bad-entry'],
      [concat([good, entryBytes(1, 3, bytes('bb'))]), 'bad-entry'],
      [good.subarray(0, 16), 'bad-entry'],
      [concat([good, bytes('02')]), 'bad-entry'],
      [concat([bytes('03'), good.subarray(1)]), 'bad-entry'],
    ] as const) {
      expect(() => {
        file.addStreamBatch(new EntryBatch(bad, 1n, 1));
      }).toThrow(expect.objectContaining({ code }));
    }
    expect(() => {
      file.addStreamBatch(new EntryBatch(good, 2n, 1));
    }).toThrow(expect.objectContaining({ code: 'bad-sequence' }));
    file.addStreamBatch(new EntryBatch(good, 1n, 1));
    await file.commitAtomicOp();
    expect(hex(await file.getEntryBytes(1n))).toBe(hex(good));
  });
});
