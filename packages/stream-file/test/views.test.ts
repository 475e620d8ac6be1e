// Goal: bytes that were given out stay what they are, whatever becomes of the stream: a reader may hold them as long as it
// likes, and sends them without a copy.
import { describe, expect, it } from 'vitest';
import type { StreamFile } from '../src/index.js';
import { bytes, commit, concat, entryBytes, hex, readAll } from './bytes.js';
import { SimulatedMachine } from './simulated-machine.js';

const pageBytes = 128;
const entries = Array.from({ length: 10 }, (_, i) => entryBytes(1, i, bytes('aa'.repeat(20))));

/** Everything that a reader can hold, and a check that it is still what it was. */
async function hold(file: StreamFile): Promise<() => void> {
  const views: Uint8Array[] = [];
  for (let offset: number | undefined = 4096; offset !== undefined;) {
    const chunk = await file.read(offset, 50);
    if (chunk) views.push(chunk.bytes);
    offset = chunk?.nextOffset;
  }
  for (let number = 0n; number < file.header.totalEntries; number++) {
    views.push(
      (await file.getEntryBytes(number)) ?? bytes(''),
      (await file.getEntry(number))?.data ?? bytes(''),
    );
  }
  const were = views.map(hex);
  expect(were.join('')).toContain(hex(entries[3]));
  return () => {
    expect(views.map(hex)).toEqual(were);
  };
}

describe.each([0, 2, 32])('what was read stays, with a cache of %i pages,', (cachePages) => {
  async function openStream(): Promise<StreamFile> {
    const file = await new SimulatedMachine().open({ pageBytes, cachePages });
    for (let i = 0; i < 10; i++) await commit(file, [1, bytes('aa'.repeat(20))]);
    return file;
  }

  it('when the stream is cut and other entries take its place', async () => {
    for (const cut of [0n, 4n, 9n]) {
      const file = await openStream();
      const expectUnchanged = await hold(file);
      await file.truncateFile(cut);
      for (let i = 0; i < 20; i++) await commit(file, [2, bytes('bb'.repeat(7))]);
      expectUnchanged();
    }
  });

  it('when entries are updated', async () => {
    const file = await openStream();
    const expectUnchanged = await hold(file);
    for (let i = 0n; i < 10n; i++) await file.updateEntryData(i, 1, bytes('cc'.repeat(20)));
    expectUnchanged();
    const updated = entries.map((_, i) => entryBytes(1, i, bytes('cc'.repeat(20))));
    expect(hex(await readAll(file))).toBe(hex(concat(updated)));
  });

  it('when operations are rolled back and others committed', async () => {
    const file = await openStream();
    const expectUnchanged = await hold(file);
    for (const count of [1, 5, 60]) {
      file.startAtomicOp();
      for (let i = 0; i < count; i++) file.addStreamEntry(3, bytes('dd'.repeat(9)));
      file.rollbackAtomicOp();
      expectUnchanged();
      await commit(file, [4, bytes('ee'.repeat(count))]);
      expectUnchanged();
    }
  });

  it('when the data that an entry was made of is used again', async () => {
    const file = await new SimulatedMachine().open({ pageBytes, cachePages });
    const data = bytes('aa'.repeat(20));
    const key = bytes('01');
    file.startAtomicOp();
    file.addStreamEntry(1, data);
    file.addStreamBookmark(key);
    data.fill(0xff);
    key.fill(0xff);
    await file.commitAtomicOp();
    expect(hex(await file.getEntryBytes(0n))).toBe(hex(entries[0]));
    expect(file.getBookmark(bytes('01'))).toBe(1n);
  });

  it('and reads that are under way while the stream is cut find what is left, or nothing', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const file = await openStream();
      const cut = file.truncateFile(4n);
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      const reads = [0n, 3n, 4n, 9n].map(async (number) => file.getEntryBytes(number));
      const found = (await Promise.all(reads)).map(hex);
      await cut;
      expect(found.slice(0, 2)).toEqual([hex(entries[0]), hex(entries[3])]);
      for (const [i, number] of [4, 9].entries())
        expect([undefined, hex(entries[number])]).toContain(found[2 + i]);
      await commit(file, ...Array.from({ length: 12 }, () => [2, bytes('bb'.repeat(20))] as const));
      expect(hex(await file.getEntryBytes(9n))).toBe(hex(entryBytes(2, 9, bytes('bb'.repeat(20)))));
    }
  });

  it.each([
    [8n, 0],
    [4n, 0],
    [4n, 6],
  ])(
    'and an entry that is looked for while it is cut to %i, and grows by %i, is found',
    async (left, added) => {
      const data = bytes('bb'.repeat(90));
      for (let turns = 0; turns < 150; turns++) {
        const file = await openStream();
        const places: (number | undefined)[] = [await file.offsetOf(8n)];
        const changed = file.truncateFile(left).then(async () => {
          places.push(await file.offsetOf(8n));
          for (let entry = 0; entry < added; entry++) {
            await commit(file, [2, data]);
            places.push(await file.offsetOf(8n));
          }
        });
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        const [offset, entry] = await Promise.all([file.offsetOf(8n), file.getEntryBytes(8n), changed]);
        expect(places).toContain(offset);
        expect([undefined, hex(entries[8]), hex(entryBytes(2, 8, data))]).toContain(hex(entry));
      }
    },
  );
});
