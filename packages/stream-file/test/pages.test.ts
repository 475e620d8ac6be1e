// Goal: entries fill pages exactly as every other program of this kind lays them out, in pages of any size. The tiny pages
// make each rule visible; the last tests do the same in the format's own pages of 1 MiB.
import { describe, expect, it } from 'vitest';
import { ENTRY_DATA_BYTES_MAX, entryBatch } from '@ds/codec';
import { StreamFile } from '../src/index.js';
import {
  ascii,
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

const HEADER = 4096;
const HEAD = 17;

function data(bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill(0xdd);
}

describe.each([64, 100, 256])('in pages of %i bytes', (pageBytes) => {
  async function openStream(): Promise<{ machine: SimulatedMachine; file: StreamFile }> {
    const machine = new SimulatedMachine();
    return { machine, file: await machine.open({ pageBytes }) };
  }

  it('an entry that does not fit in the rest of a page goes to the next one, and the rest is zeros', async () => {
    const { machine, file } = await openStream();
    await commit(file, [1, data(pageBytes - HEAD - 20)], [1, data(10)]);
    expect(await file.offsetOf(1n)).toBe(HEADER + pageBytes);
    expect(isZero(machine.content.subarray(HEADER + pageBytes - 20, HEADER + pageBytes))).toBe(true);
    expect(hex(await readAll(file))).toBe(
      hex(concat([entryBytes(1, 0, data(pageBytes - HEAD - 20)), entryBytes(1, 1, data(10))])),
    );
  });

  it('padding is counted when the next entry is written, and not before', async () => {
    const { file } = await openStream();
    await commit(file, [1, data(pageBytes - HEAD - 20)]);
    expect(file.header.totalLength).toBe(BigInt(HEADER + pageBytes - 20));
    await commit(file, [1, data(10)]);
    expect(file.header.totalLength).toBe(BigInt(HEADER + pageBytes + HEAD + 10));
  });

  it('padding of an operation that is rolled back is not counted', async () => {
    const { file } = await openStream();
    await commit(file, [1, data(pageBytes - HEAD - 20)]);
    file.startAtomicOp();
    file.addStreamEntry(1, data(10));
    file.rollbackAtomicOp();
    expect(file.header.totalLength).toBe(BigInt(HEADER + pageBytes - 20));
    await commit(file, [1, data(3)]);
    expect(await file.offsetOf(1n)).toBe(HEADER + pageBytes - 20);
  });

  it('a page can be full to its last byte', async () => {
    const { machine, file } = await openStream();
    await commit(file, [1, data(pageBytes - 2 * HEAD)], [2, data(0)]);
    expect(file.header.totalLength).toBe(BigInt(HEADER + pageBytes));
    expect(await file.read(file.committedLength, 100)).toBeUndefined();
    await commit(file, [3, data(1)]);
    expect(await file.offsetOf(2n)).toBe(HEADER + pageBytes);
    await file.close();
    const reopened = await machine.open({ pageBytes });
    expect(hex(await reopened.getEntryBytes(1n))).toBe(hex(entryBytes(2, 1, data(0))));
    expect(hex(await reopened.getEntryBytes(2n))).toBe(hex(entryBytes(3, 2, data(1))));
  });

  it('the largest entry fills a page, and one byte more is refused with nothing changed', async () => {
    const { machine, file } = await openStream();
    const largest = entryBytes(1, 1, data(pageBytes - HEAD));
    await commit(file, [1, data(1)], [1, data(pageBytes - HEAD)]);
    const before = machine.content;
    file.startAtomicOp();
    file.addStreamEntry(1, data(2));
    expect(() => file.addStreamEntry(1, data(pageBytes - HEAD + 1))).toThrow(
      expect.objectContaining({ code: 'bad-entry' }),
    );
    expect(() => {
      file.addStreamBatch(entryBatch(entryBytes(1, 3, data(pageBytes - HEAD + 1))));
    }).toThrow(expect.objectContaining({ code: 'bad-entry' }));
    expect(Buffer.compare(machine.content, before)).toBe(0);
    // The operation is as it was before, too.
    await file.commitAtomicOp();
    expect(hex(await readAll(file))).toBe(
      hex(concat([entryBytes(1, 0, data(1)), largest, entryBytes(1, 2, data(2))])),
    );
  });

  it('the byte at the end is 0 after each commit, rollback, truncation and recovery', async () => {
    const { machine, file } = await openStream();
    const byteAtEnd = (): number => machine.content[file.committedLength] ?? 0;
    for (let step = 0; step < 30; step++) {
      await commit(file, [1, data(step)], 'key', [1, data(30 - step)]);
      expect(byteAtEnd()).toBe(0);
      file.startAtomicOp();
      for (let i = 0; i < 4 * step; i++) file.addStreamEntry(1, data(30));
      file.rollbackAtomicOp();
      expect(byteAtEnd()).toBe(0);
      if (step % 3 === 2) await file.truncateFile(BigInt(3 * Math.floor(step / 2)));
      expect(byteAtEnd()).toBe(0);
      const { length } = machine.content;
      expect(isZero(machine.content.subarray(file.committedLength, length))).toBe(true);
      if (step % 3 === 2) for (let i = 0; i < step; i++) await commit(file, [1, data(1)]);
    }
    const killed = machine.afterKill();
    const recovered = await killed.open({ pageBytes });
    expect(isZero(killed.content.subarray(recovered.committedLength))).toBe(true);
  });

  it('a file grows by whole pages, ahead of need', async () => {
    const { machine, file } = await openStream();
    expect(machine.content.length).toBe(HEADER + 100 * pageBytes);
    for (let i = 0; i < 101; i++) await commit(file, [1, data(pageBytes - HEAD)]);
    expect(machine.content.length).toBe(HEADER + 111 * pageBytes);
    expect(file.header.totalEntries).toBe(101n);
  });

  it('data up to a bookmark behind padding end before it', async () => {
    const { file } = await openStream();
    const rest = 10;
    await commit(file, 'from', [1, data(pageBytes - HEAD - 4 - HEAD - rest)], 'bookmark!', [1, data(5)]);
    expect(await file.offsetOf(2n)).toBe(HEADER + pageBytes);
    expect(await file.getDataBetweenBookmarks(ascii('from'), ascii('bookmark!'))).toHaveLength(
      pageBytes - HEAD - 4 - HEAD - rest,
    );
    await file.truncateFile(2n);
    expect(file.getBookmark(ascii('bookmark!'))).toBeUndefined();
  });
});

describe('in pages of 1 MiB', () => {
  const folder = temporaryFolders();
  const PAGE = 1 << 20;

  it('the largest entry has 1,048,559 bytes of data', async () => {
    const path = `${await folder()}/stream.bin`;
    await using file = await StreamFile.open(path, { create: identity });
    await commit(file, [1, data(1)], [1, data(ENTRY_DATA_BYTES_MAX)], [1, data(2)]);
    expect(await file.offsetOf(1n)).toBe(HEADER + PAGE);
    expect(await file.offsetOf(2n)).toBe(HEADER + 2 * PAGE);
    expect(file.header.totalLength).toBe(BigInt(HEADER + 2 * PAGE + HEAD + 2));
    file.startAtomicOp();
    expect(() => file.addStreamEntry(1, data(ENTRY_DATA_BYTES_MAX + 1))).toThrow(/1048560 bytes of data/);
    await file.commitAtomicOp();
    expect(file.header.totalEntries).toBe(3n);
    expect((await file.getEntry(1n))?.data).toHaveLength(ENTRY_DATA_BYTES_MAX);
    const content = await bytesOf(path, HEADER + 3 * PAGE);
    expect(isZero(content.subarray(HEADER + HEAD + 1, HEADER + PAGE))).toBe(true);
    expect(content[HEADER + PAGE]).toBe(2);
    expect(isZero(content.subarray(HEADER + 2 * PAGE + HEAD + 2))).toBe(true);
  });
});
