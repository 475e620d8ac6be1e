// Goal: a file written here is, byte for byte, what every other program of this kind expects. The table is the
// contract's own example.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StreamFile } from '../src/index.js';
import { bytes, bytesOf, hex, identity, isZero, readAll, temporaryFolders } from './bytes.js';

const PAGE = 1 << 20;
const head = `706f6c79676f6e44415453545245414d 01 00000026 01
  0000000000000089 0000000000000001 0000000000001041 0000000000000003`;
const entries = `02 0000001a 000000b0 0000000000000000 000000000000000007
  02 00000016 00000001 0000000000000001 0102030405
  02 00000011 00000002 0000000000000002`;
const key = bytes('000000000000000007');

describe('the golden operation: a bookmark, five bytes, an entry without data', () => {
  const folder = temporaryFolders();

  async function write(path: string): Promise<void> {
    await using file = await StreamFile.open(path, { create: identity });
    file.startAtomicOp();
    expect(file.addStreamBookmark(key)).toBe(0n);
    expect(file.addStreamEntry(1, bytes('0102030405'))).toBe(1n);
    expect(file.addStreamEntry(2, bytes(''))).toBe(2n);
    expect(await file.commitAtomicOp()).toEqual({ firstEntry: 0n, nextEntry: 3n });
    expect(hex(await bytesOf(path, 54))).toBe(hex(bytes(head)));
  }

  it('makes these bytes in the file, and zeros behind them', async () => {
    const path = join(await folder(), 'stream.bin');
    await write(path);
    const file = await bytesOf(path);
    expect(hex(file.subarray(0, 54))).toBe(hex(bytes(head)));
    const end = 4096 + bytes(entries).length;
    expect(hex(file.subarray(4096, end))).toBe(hex(bytes(entries)));
    expect(isZero(file.subarray(end))).toBe(true);
  });

  it('is read back as it was written, after the file was opened again', async () => {
    const path = join(await folder(), 'stream.bin');
    await write(path);
    await using file = await StreamFile.open(path);
    expect(file.header).toEqual({ ...identity, totalLength: 0x1041n, totalEntries: 3n });
    expect(hex(await readAll(file))).toBe(hex(bytes(entries)));
    expect(file.getBookmark(key)).toBe(0n);
    expect(await file.getEntry(1n)).toEqual({ type: 1, number: 1n, data: bytes('0102030405') });
    expect(await file.getFirstEventAfterBookmark(key)).toEqual({
      type: 1,
      number: 1n,
      data: bytes('0102030405'),
    });
  });

  it('stands in a file of a header page and 100 pages of 1 MiB, which takes little room on the disk', async () => {
    const path = join(await folder(), 'stream.bin');
    await write(path);
    const { size, blocks } = await stat(path);
    expect(size).toBe(4096 + 100 * PAGE);
    expect(blocks * 512).toBeLessThan(64 << 10);
  });
});

describe('a new stream', () => {
  const folder = temporaryFolders();

  it('is empty: only the header page is in use', async () => {
    const path = join(await folder(), 'stream.bin');
    await using file = await StreamFile.open(path, {
      create: { version: 255, systemId: 2n ** 64n - 1n, streamType: 0n },
    });
    expect(file.header).toEqual({
      version: 255,
      systemId: 2n ** 64n - 1n,
      streamType: 0n,
      totalLength: 4096n,
      totalEntries: 0n,
    });
    expect(await file.getEntry(0n)).toBeUndefined();
    expect(await file.offsetOf(0n)).toBe(4096);
    expect(await file.read(4096, 100)).toBeUndefined();
    expect(hex(await bytesOf(path, 54))).toBe(
      hex(
        bytes(`706f6c79676f6e44415453545245414d 01 00000026 ff
          ffffffffffffffff 0000000000000000 0000000000001000 0000000000000000`),
      ),
    );
  });

  it('is only made when asked for', async () => {
    const path = join(await folder(), 'stream.bin');
    await expect(StreamFile.open(path)).rejects.toMatchObject({ code: 'not-found' });
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is not made where another stream is', async () => {
    const path = join(await folder(), 'stream.bin');
    await (await StreamFile.open(path, { create: identity })).close();
    const before = await bytesOf(path, 8192);
    for (const other of [{ systemId: 138n }, { streamType: 2n }, { version: 2 }]) {
      await expect(StreamFile.open(path, { create: { ...identity, ...other } })).rejects.toMatchObject({
        code: 'identity-mismatch',
        message: expect.stringContaining(Object.keys(other)[0]!) as string,
      });
    }
    expect(Buffer.compare(before, await bytesOf(path, 8192))).toBe(0);
  });
});
