// Goal: who reads a file that another program writes sees what is committed, whole and right, or is told that the stream has
// changed; and leaves no trace. The writer stands in the same process, which is all the same to the reader: they share
// nothing but the files.
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { overwrite } from '@ds/test-kit';
import { inspect, StreamFile, StreamFileReader } from '../src/index.js';
import { bytes, bytesOf, commit, concat, hex, identity, readAll, temporaryFolders } from './bytes.js';
import { Random } from './random.js';
import { SimulatedMachine } from './simulated-machine.js';

const folder = temporaryFolders();

async function readWhole(reader: StreamFileReader): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of reader.chunks(0n, reader.header.totalEntries)) parts.push(chunk.bytes);
  return concat(parts);
}

describe('A reader beside a writer', () => {
  it('sees what is committed, and after refresh what was committed since', async () => {
    const path = join(await folder(), 'stream.bin');
    await using file = await StreamFile.open(path, { create: identity });
    await commit(file, 'one', [7, bytes('aabb')]);
    await using reader = await StreamFileReader.open(path);
    file.startAtomicOp();
    file.addStreamEntry(8, bytes('cc'));
    expect(reader).toMatchObject({ identity, state: 'open', header: file.header });
    expect(await reader.getEntry(1n)).toMatchObject({ number: 1n, type: 7, data: bytes('aabb') });
    expect(await reader.getEntry(2n)).toBeUndefined();

    await file.commitAtomicOp();
    expect(await reader.getEntry(2n)).toBeUndefined();
    await reader.refresh();
    expect(reader.header).toEqual(file.header);
    expect(await reader.getEntry(2n)).toMatchObject({ type: 8, data: bytes('cc') });
    expect(hex(await readWhole(reader))).toBe(hex(await readAll(file)));
  });

  it('writes nothing, takes no lock and leaves no file', async () => {
    const path = join(await folder(), 'stream.bin');
    {
      await using file = await StreamFile.open(path, { create: identity });
      await commit(file, 'one', [7, bytes('aabb')]);
    }
    const names = await readdir(dirname(path));
    const before = await bytesOf(path);
    await using reader = await StreamFileReader.open(path);
    expect(reader.state).toBe('clean');
    expect(hex(await readWhole(reader))).toBe(hex(before.subarray(4096, reader.committedLength)));
    await using file = await StreamFile.open(path);
    await file.close();
    await reader.close();
    expect((await readdir(dirname(path))).sort()).toEqual(names.sort());
  });

  it('is told when the stream was cut, and sees the new one after refresh', async () => {
    const machine = new SimulatedMachine();
    const path = '/data/stream.bin';
    await using file = await machine.open({ pageBytes: 256 });
    for (let round = 0; round < 40; round++) await commit(file, [7, new Uint8Array(20).fill(round)]);
    await using reader = await StreamFileReader.open(path, {
      disk: machine.disk,
      pageBytes: 256,
      cachePages: 1,
    });
    await file.truncateFile(10n);
    for (let round = 0; round < 40; round++) await commit(file, [7, new Uint8Array(20).fill(100 + round)]);
    await expect(reader.getEntry(20n)).rejects.toMatchObject({ code: 'changed' });
    await reader.refresh();
    expect(reader.header).toEqual(file.header);
    expect((await reader.getEntry(20n))?.data[0]).toBe(110);
  });

  it('never mixes old and new, whenever the stream is cut and written on', async () => {
    const random = new Random(7);
    const outcomes = new Set<string>();
    for (let round = 0; round < 50; round++) {
      const machine = new SimulatedMachine();
      await using file = await machine.open({ pageBytes: 256 });
      for (let n = 0; n < 30; n++) await commit(file, [7, new Uint8Array(8 + random.integer(0, 39)).fill(1)]);
      await using reader = await StreamFileReader.open('/data/stream.bin', {
        disk: machine.disk,
        pageBytes: 256,
        cachePages: 1,
      });
      const old = hex(await readAll(file));
      const writing = (async () => {
        for (let wait = random.integer(0, 59); wait > 0; wait--) await Promise.resolve();
        await file.truncateFile(BigInt(random.integer(0, 29)));
        for (let n = 0; n < 30; n++)
          await commit(file, [7, new Uint8Array(8 + random.integer(0, 39)).fill(2)]);
      })();
      const seen = await readWhole(reader).then(hex, (error: unknown) => (error as { code: string }).code);
      await writing;
      expect(['changed', old], `round ${round}`).toContain(seen);
      outcomes.add(seen === old ? 'old' : 'changed');
    }
    expect(outcomes.size).toBe(2);
  });

  it('shows an entry as it was, or as it was updated, while that is done', async () => {
    const random = new Random(11);
    const machine = new SimulatedMachine();
    await using file = await machine.open({ pageBytes: 256 });
    for (let n = 0; n < 30; n++) await commit(file, [7, new Uint8Array(40).fill(n)]);
    const options = { disk: machine.disk, pageBytes: 256 };
    for (let round = 0; round < 60; round++) {
      const before = (await file.getEntry(3n))?.data;
      const after = new Uint8Array(40).fill(100 + round);
      await using reader = await StreamFileReader.open('/data/stream.bin', options);
      const updating = file.updateEntryData(3n, 7, after);
      for (let wait = random.integer(0, 60); wait > 0; wait--) await Promise.resolve();
      const seen = (await reader.getEntry(3n))?.data;
      expect([hex(before), hex(after)], `round ${round}`).toContain(hex(seen));
      await updating;
      await reader.refresh();
      expect((await reader.getEntry(3n))?.data).toEqual(after);
    }
  });

  it('is told of damage at once when nobody is at work', async () => {
    const machine = new SimulatedMachine();
    await using file = await machine.open({ pageBytes: 256 });
    for (let n = 0; n < 30; n++) await commit(file, [7, new Uint8Array(40).fill(n)]);
    const content = machine.content.slice();
    content[4096 + 30] = 0xee;
    const rotten = machine.afterKill();
    rotten.disk.put('/data/stream.bin', content);
    await using reader = await StreamFileReader.open('/data/stream.bin', {
      disk: rotten.disk,
      pageBytes: 256,
    });
    await expect(reader.getEntry(0n)).rejects.toMatchObject({ code: 'damaged' });
    expect(await reader.getEntry(20n)).toMatchObject({ number: 20n });
  });

  it('is told of damage in the page that is being filled, also in what was committed after it was opened', async () => {
    const path = join(await folder(), 'stream.bin');
    await using file = await StreamFile.open(path, { create: identity });
    await using reader = await StreamFileReader.open(path);
    for (let n = 0; n < 3; n++) await commit(file, [7, new Uint8Array(40).fill(n)]);
    await overwrite(path, 4096 + 57 + 30, 0xee);
    reader.follow({ length: file.committedLength, entries: 3 });
    await expect(reader.getEntry(2n)).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringContaining('entries 1 to 1, are not those that were committed') as string,
    });
    await expect(async () => reader.borrow(4096, 100)).rejects.toMatchObject({ code: 'damaged' });
  });

  it('says what its pages in memory have brought, also before it was reopened', async () => {
    const machine = new SimulatedMachine();
    await using file = await machine.open({ pageBytes: 256 });
    await commit(file, [7, new Uint8Array(40)]);
    const options = { disk: machine.disk, pageBytes: 256 };
    await using reader = await StreamFileReader.open('/data/stream.bin', options);
    for (let round = 1; round <= 2; round++) {
      await reader.read(4096, 10);
      await reader.read(4096, 10);
      expect(reader.cache).toEqual({ hits: round, misses: round, bytes: 256, pagesOnLoan: 0 });
      await reader.reopen();
    }
    expect(reader.cache).toEqual({ hits: 2, misses: 2, bytes: 0, pagesOnLoan: 0 });
  });

  it('takes what the journal does not know as it is', async () => {
    const machine = new SimulatedMachine();
    await using file = await machine.open({ pageBytes: 256 });
    await commit(file, [7, new Uint8Array(40)]);
    machine.disk.put('/data/stream.bin.journal', new Uint8Array(0));
    await using reader = await StreamFileReader.open('/data/stream.bin', {
      disk: machine.disk,
      pageBytes: 256,
    });
    expect(await reader.getEntry(0n)).toMatchObject({ number: 0n });
  });

  it('sees, after a crash, what a recovery will find', async () => {
    const machine = new SimulatedMachine();
    const file = await machine.open({ pageBytes: 256, durability: 'os' });
    for (let n = 0; n < 20; n++) await commit(file, [7, new Uint8Array(40).fill(n)]);
    const random = new Random(3);
    for (let round = 0; round < 40; round++) {
      const after = machine.afterPowerCut(() => random.chance(0.5));
      await using reader = await StreamFileReader.open('/data/stream.bin', {
        disk: after.disk,
        pageBytes: 256,
      });
      const seen = hex(await readWhole(reader));
      await using recovered = await after.open({ pageBytes: 256 });
      expect(seen).toBe(hex(await readAll(recovered)));
    }
    await file.close();
  });
});

describe('An inspection', () => {
  it('says who has the file open, and after the close that nobody has', async () => {
    const path = join(await folder(), 'stream.bin');
    const file = await StreamFile.open(path, { create: identity });
    await commit(file, [7, bytes('aabb')]);
    expect(await inspect(path)).toMatchObject({
      state: 'open',
      committed: { entries: 1 },
      holder: { pid: process.pid },
    });
    await file.close();
    expect(await inspect(path)).toMatchObject({ identity, state: 'clean', holder: undefined });
  });
});

describe('A reader that the writer keeps up to date', () => {
  it('sees as much as it is told, be there more, and lends it', async () => {
    const path = join(await folder(), 'stream.bin');
    await using file = await StreamFile.open(path, { create: identity });
    await commit(file, 'one', [7, bytes('aabb')]);
    await using reader = await StreamFileReader.open(path);
    const early = { length: file.committedLength, entries: 2 };
    await commit(file, 'two', [8, bytes('cc')], [9, bytes('dd')]);
    const late = { length: file.committedLength, entries: 5 };
    const all = await readAll(file);

    for (const extent of [early, late]) {
      reader.follow(extent);
      expect(reader.header.totalEntries).toBe(BigInt(extent.entries));
      expect(reader.committedLength).toBe(extent.length);
      expect((await reader.getEntry(2n))?.number).toBe(extent.entries > 2 ? 2n : undefined);
      const loan = await reader.borrow(4096, 1 << 20);
      expect(loan).toMatchObject({ nextOffset: extent.length, entries: extent.entries });
      expect(hex(loan?.bytes ?? bytes(''))).toBe(hex(all.subarray(0, extent.length - 4096)));
      loan?.release();
    }
    expect(await reader.borrow(late.length, 1 << 20)).toBeUndefined();
    expect(hex((await reader.getFirstEventBytesFrom(2n)) ?? bytes(''))).toMatch(/cc$/);
    expect(await reader.getFirstEventBytesFrom(5n)).toBeUndefined();
  });

  it('sees what was committed before it was changed until it is reopened, and then how it is', async () => {
    const path = join(await folder(), 'stream.bin');
    await using file = await StreamFile.open(path, { create: identity });
    await commit(file, [7, bytes('aabb')], [7, bytes('ccdd')], [7, bytes('eeff')]);
    await using reader = await StreamFileReader.open(path);
    await reader.getEntry(0n);
    await file.updateEntryData(0n, 7, bytes('1122'));
    await file.truncateFile(2n);
    await commit(file, [8, bytes('33')]);
    expect((await reader.getEntry(0n))?.data).toEqual(bytes('aabb'));
    await reader.reopen();
    reader.follow({ length: file.committedLength, entries: 3 });
    expect((await reader.getEntry(0n))?.data).toEqual(bytes('1122'));
    expect(hex(await readWhole(reader))).toBe(hex(await readAll(file)));
  });
});

describe('Who reads a file beside its writer', () => {
  it('can have a truncation and an update wait, and is told when they are over', async () => {
    const path = join(await folder(), 'stream.bin');
    await using file = await StreamFile.open(path, { create: identity });
    await commit(file, [7, bytes('aabb')], [7, bytes('ccdd')]);
    const told: string[] = [];
    let goOn = (): void => undefined;
    file.listen({
      committed: () => void told.push('committed'),
      truncated: (length) => void told.push(`truncated at ${length}`),
      changing: () => {
        told.push('changing');
        return new Promise((resolve) => (goOn = resolve));
      },
      changed: () => void told.push('changed'),
    });
    for (const [change, seen] of [
      [() => file.updateEntryData(0n, 7, bytes('1122')), []],
      [() => file.truncateFile(1n), ['truncated at 4115']],
    ] as const) {
      const before = await bytesOf(path);
      const changed = change();
      await expect.poll(() => told.splice(0)).toEqual(['changing']);
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      expect(told).toEqual([]);
      expect(hex(await bytesOf(path)) === hex(before)).toBe(true);
      goOn();
      await changed;
      expect(told.splice(0)).toEqual([...seen, 'changed']);
    }
    await expect(file.truncateFile(9n)).rejects.toMatchObject({ code: 'entry-not-found' });
    await commit(file, [7, bytes('ee')]);
    expect(told).toEqual(['committed']);
  });
});
