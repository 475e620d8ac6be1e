// Goal: a file that the Go reference wrote opens here and is taken over as it is, but for what the reference leaves
// behind by mistake. The files are made by hand as the reference makes them: a classic header alone in its page, 100
// pages, stale bytes behind the end, and a LevelDB folder that may know bookmarks of what was never committed.
import { mkdir, open, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { encodeHeader } from '@ds/codec';
import { StreamFile, StreamFileError, verify } from '../src/index.js';
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

const PAGE = 1 << 20;
/** As little as the tests need; the reference itself starts with 100 pages. */
const PAGES_END = 4096 + 3 * PAGE;

interface Parts {
  readonly totalLength: number | bigint;
  readonly totalEntries: number | bigint;
  /** Bytes by offset in the file. */
  readonly content: readonly (readonly [at: number, bytes: Uint8Array])[];
  readonly size?: number;
}

async function writeFileAsReference(
  path: string,
  { totalLength, totalEntries, content, size }: Parts,
): Promise<void> {
  const header = encodeHeader({
    ...identity,
    totalLength: BigInt(totalLength),
    totalEntries: BigInt(totalEntries),
  });
  await writeFile(path, concat([ascii('polygonDATSTREAM'), header]));
  const file = await open(path, 'r+');
  for (const [at, part] of content) await file.write(part, 0, part.length, at);
  await file.truncate(size ?? PAGES_END);
  await file.close();
}

async function writeBookmarks(folder: string, bookmarks: Readonly<Record<string, bigint>>): Promise<void> {
  const db = new ClassicLevel<Uint8Array, Uint8Array>(folder, { keyEncoding: 'view', valueEncoding: 'view' });
  for (const [key, number] of Object.entries(bookmarks)) {
    const value = new Uint8Array(8);
    new DataView(value.buffer).setBigUint64(0, number);
    await db.put(ascii(key), value);
  }
  await db.close();
}

const committed = [
  entryBytes(0xb0, 0, ascii('one')),
  entryBytes(7, 1, bytes('aabbcc')),
  entryBytes(0xb0, 2, ascii('two')),
  entryBytes(7, 3, bytes('')),
];
const stream = concat(committed);
const end = 4096 + stream.length;
/** What a rolled back operation left: whole entries, numbered on. */
const stale = concat([entryBytes(0xb0, 4, ascii('never')), entryBytes(7, 5, bytes('dead'))]);
const good: Parts = {
  totalLength: end,
  totalEntries: 4,
  content: [
    [4096, stream],
    [end, stale],
    [4096 + PAGE, entryBytes(7, 6, bytes('beef'))],
  ],
};

describe('a file of the Go reference', () => {
  const folder = temporaryFolders();

  it('opens with all that was committed', async () => {
    const path = join(await folder(), 'stream.bin');
    await writeFileAsReference(path, good);
    await using file = await StreamFile.open(path, { create: identity });
    expect(file.header).toEqual({ ...identity, totalLength: BigInt(end), totalEntries: 4n });
    expect(hex(await readAll(file))).toBe(hex(stream));
    expect(await file.getEntry(4n)).toBeUndefined();
  });

  it('loses the stale bytes behind its end, and nothing else', async () => {
    const path = join(await folder(), 'stream.bin');
    await writeFileAsReference(path, good);
    await (await StreamFile.open(path)).close();
    const after = await bytesOf(path);
    expect(after.length).toBe(PAGES_END);
    expect(hex(after.subarray(4096, end))).toBe(hex(stream));
    expect(isZero(after.subarray(end))).toBe(true);
  });

  it('gets its bookmarks from the entries: those of what was never committed are gone', async () => {
    const home = await folder();
    await writeFileAsReference(join(home, 'stream.bin'), good);
    await writeBookmarks(join(home, 'stream.db'), { one: 0n, two: 2n, never: 4n, wrong: 1n });
    await using file = await StreamFile.open(join(home, 'stream.bin'));
    expect(file.getBookmark(ascii('one'))).toBe(0n);
    expect(file.getBookmark(ascii('two'))).toBe(2n);
    expect(file.getBookmark(ascii('wrong'))).toBeUndefined();
    expect(file.getBookmark(ascii('never'))).toBeUndefined();
    await commit(file, [7, bytes('01')], [7, bytes('02')], [7, bytes('03')]);
    expect(file.getBookmark(ascii('never'))).toBeUndefined();
  });

  it('is taken over again after the reference went on with a file of ours', async () => {
    const home = await folder();
    const path = join(home, 'stream.bin');
    {
      await using file = await StreamFile.open(path, { create: identity });
      await commit(file, 'one', [7, bytes('aabbcc')]);
    }
    const ours = await bytesOf(path, 4096);
    const header = encodeHeader({ ...identity, totalLength: BigInt(end), totalEntries: 4n });
    const raw = await open(path, 'r+');
    await raw.write(header, 0, header.length, 16);
    await raw.write(concat(committed.slice(2)), 0, undefined, 4096 + concat(committed.slice(0, 2)).length);
    await raw.close();
    await writeBookmarks(join(home, 'stream.db'), { two: 2n, never: 4n });
    // What the index says of itself holds no more: it is built again.
    expect(await verify(path)).toMatchObject({ index: 'of another program', problems: [] });

    await using file = await StreamFile.open(path);
    expect(hex(await readAll(file))).toBe(hex(stream));
    expect(file.getBookmark(ascii('two'))).toBe(2n);
    expect(file.getBookmark(ascii('one'))).toBe(0n);
    await commit(file, [7, bytes('01')]);
    expect(file.getBookmark(ascii('never'))).toBeUndefined();
    expect(hex((await bytesOf(path, 4096)).subarray(84, 512))).toBe(hex(ours.subarray(84, 512)));
  });

  it('gets all bookmarks of a file of ours that was closed: none of them stands in the log only, where it may pass it over', async () => {
    const home = await folder();
    const path = join(home, 'stream.bin');
    for (const key of ['one', 'two']) {
      await using file = await StreamFile.open(path, { create: identity });
      await commit(file, key);
    }
    const index = join(home, 'stream.db');
    const logs = (await readdir(index)).filter((name) => name.endsWith('.log'));
    expect(logs).not.toEqual([]);
    for (const name of logs) expect((await stat(join(index, name))).size).toBe(0);
    await using file = await StreamFile.open(path);
    expect([file.getBookmark(ascii('one')), file.getBookmark(ascii('two'))]).toEqual([0n, 1n]);
  });

  it('is cleaned when the reference has only left stale bytes in a file of ours, its header untouched', async () => {
    const home = await folder();
    const path = join(home, 'stream.bin');
    for (const [name, at] of [
      ['right behind the end', end],
      ['in the next page', 4096 + PAGE],
    ] as const) {
      {
        await using file = await StreamFile.open(path, { create: identity });
        if (file.header.totalEntries === 0n)
          await commit(file, 'one', [7, bytes('aabbcc')], 'two', [7, bytes('')]);
      }
      const raw = await open(path, 'r+');
      await raw.write(stale, 0, stale.length, at);
      await raw.close();
      await writeBookmarks(join(home, 'stream.db'), { never: 4n });

      await using file = await StreamFile.open(path);
      expect(file.header.totalEntries, name).toBe(4n);
      expect(isZero((await bytesOf(path, PAGES_END)).subarray(end)), name).toBe(true);
      expect(file.getBookmark(ascii('two')), name).toBe(2n);
      await commit(file, [7, bytes('01')]);
      expect(file.getBookmark(ascii('never')), name).toBeUndefined();
      await file.truncateFile(4n);
    }
  });

  it('opens when it ends with padding, as after a truncation at the start of a page', async () => {
    const path = join(await folder(), 'stream.bin');
    await writeFileAsReference(path, {
      totalLength: 4096 + PAGE,
      totalEntries: 4,
      content: [[4096, stream]],
    });
    await using file = await StreamFile.open(path);
    expect(file.header.totalEntries).toBe(4n);
    await commit(file, [7, bytes('05')]);
    expect(await file.offsetOf(4n)).toBe(4096 + PAGE);
    expect(hex(await readAll(file))).toBe(hex(concat([stream, entryBytes(7, 4, bytes('05'))])));
  });

  it('opens when a crash of the reference has cut its last page', async () => {
    const path = join(await folder(), 'stream.bin');
    await writeFileAsReference(path, { ...good, content: [[4096, stream]], size: end + 10 });
    await using file = await StreamFile.open(path);
    expect(hex(await readAll(file))).toBe(hex(stream));
    expect((await bytesOf(path)).length).toBe(4096 + PAGE);
  });

  it('of another stream is refused, and left as it was', async () => {
    const path = join(await folder(), 'stream.bin');
    await writeFileAsReference(path, good);
    const before = await bytesOf(path);
    await expect(StreamFile.open(path, { create: { ...identity, systemId: 1n } })).rejects.toMatchObject({
      code: 'identity-mismatch',
    });
    expect(Buffer.compare(before, await bytesOf(path))).toBe(0);
  });
});

describe('a header that lies is refused, with what it says and where', () => {
  const folder = temporaryFolders();
  const wrongEntry = concat([committed[0]!, entryBytes(7, 2, bytes('aabbcc'))]);

  it.each<readonly [string, Parts, StreamFileError['code'], RegExp]>([
    [
      'a length of 38 GB in a file of 100 MB',
      { ...good, totalLength: 38_000_000_000, size: 4096 + 100 * PAGE },
      'damaged',
      /38000000000 bytes are in use, but the file has 104861696/,
    ],
    ['a length over 2^53', { ...good, totalLength: 2n ** 64n - 1n }, 'damaged', /bytes are in use/],
    ['a length within the header page', { ...good, totalLength: 4000 }, 'damaged', /4000 bytes are in use/],
    [
      'more entries than there are',
      { ...good, totalEntries: 5 },
      'damaged',
      /promises 5 entries .* after entry 3/,
    ],
    [
      'fewer entries than there are',
      { ...good, totalEntries: 3 },
      'damaged',
      /promises 3 entries .* after entry 3/,
    ],
    ['an end within an entry', { ...good, totalLength: end - 1 }, 'damaged', /offset 4156 are not entry 3/],
    [
      'an end behind the entries',
      { ...good, totalLength: end + 1, content: [[4096, stream]] },
      'damaged',
      /ends at offset 4173/,
    ],
    [
      'an entry out of order',
      { totalLength: 4096 + wrongEntry.length, totalEntries: 2, content: [[4096, wrongEntry]] },
      'damaged',
      /offset 4116 are not entry 1/,
    ],
    [
      'a page that starts with a wrong entry',
      {
        totalLength: 4096 + PAGE + 19,
        totalEntries: 5,
        content: [
          [4096, stream],
          [4096 + PAGE, entryBytes(7, 5, bytes('beef'))],
        ],
      },
      'damaged',
      /page at offset 1052672 does not start with entry 4/,
    ],
  ])('%s', async (_name, parts, code, message) => {
    const path = join(await folder(), 'stream.bin');
    await writeFileAsReference(path, parts);
    const before = await bytesOf(path);
    await expect(StreamFile.open(path)).rejects.toThrow(StreamFileError);
    await expect(StreamFile.open(path)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
    await expect(StreamFile.open(path)).rejects.toThrow(path);
    expect(Buffer.compare(before, await bytesOf(path))).toBe(0);
  });

  it.each([
    ['an empty file', new Uint8Array(0)],
    ['a file too short for a header page', concat([ascii('polygonDATSTREAM'), new Uint8Array(1000)])],
    ['another kind of file', ascii('#!/bin/sh\n'.repeat(1000))],
    ['the magic bytes and garbage', concat([ascii('polygonDATSTREAM'), new Uint8Array(8192).fill(0xee)])],
    [
      'a header entry of another length',
      concat([ascii('polygonDATSTREAM'), bytes('01 00000027'), new Uint8Array(8192)]),
    ],
  ])('%s is no stream file', async (_name, content) => {
    const path = join(await folder(), 'stream.bin');
    await writeFile(path, content);
    await expect(StreamFile.open(path)).rejects.toMatchObject({ code: 'not-a-stream-file' });
    expect(Buffer.compare(content, await bytesOf(path))).toBe(0);
  });

  it('a folder is no stream file', async () => {
    const path = join(await folder(), 'stream.bin');
    await mkdir(path);
    await expect(StreamFile.open(path)).rejects.toBeInstanceOf(StreamFileError);
  });
});
