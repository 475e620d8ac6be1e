// Goal: an operation may be larger than memory should hold. Its full pages are written ahead of the commit, and whatever
// becomes of it then, nobody ever sees a part of it. With pages of 128 bytes and eight kept, 2 KB are large.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StreamFile, type Durability } from '../src/index.js';
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
const COUNT = 60;
const data = bytes('ab'.repeat(50));
const before = [entryBytes(0xb0, 0, ascii('one')), entryBytes(1, 1, bytes('aa'))];
const large = Array.from({ length: COUNT }, (_, i) => entryBytes(7, 2 + i, data));

async function openStream(durability: Durability): Promise<{ machine: SimulatedMachine; file: StreamFile }> {
  const machine = new SimulatedMachine();
  const file = await machine.open({ pageBytes, durability, cachePages: 2 });
  await commit(file, 'one', [1, bytes('aa')]);
  return { machine, file };
}

function addLarge(file: StreamFile): void {
  file.startAtomicOp();
  for (let i = 0; i < COUNT; i++) file.addStreamEntry(7, data);
}

describe.each<Durability>(['always', 'os'])(
  'an operation that is written ahead, durability %s',
  (durability) => {
    it('is in the file before the commit, but for its first page, and not to be seen', async () => {
      const { machine, file } = await openStream(durability);
      addLarge(file);
      expect(isZero(machine.content.subarray(4096 + pageBytes))).toBe(false);
      expect(isZero(machine.content.subarray(file.committedLength, 4096 + pageBytes))).toBe(true);
      expect(file.header.totalEntries).toBe(2n);
      expect(hex(await readAll(file))).toBe(hex(concat(before)));
    });

    it('is committed whole', async () => {
      const { machine, file } = await openStream(durability);
      addLarge(file);
      await file.commitAtomicOp();
      expect(hex(await readAll(file))).toBe(hex(concat([...before, ...large])));
      await commit(file, 'two');
      const killed = machine.afterKill();
      const recovered = await killed.open({ pageBytes });
      expect(hex(await readAll(recovered))).toBe(
        hex(concat([...before, ...large, entryBytes(0xb0, 62, ascii('two'))])),
      );
    });

    it('is rolled back without a trace', async () => {
      const { machine, file } = await openStream(durability);
      addLarge(file);
      file.rollbackAtomicOp();
      expect(isZero(machine.content.subarray(file.committedLength))).toBe(true);
      await commit(file, [3, bytes('cc')]);
      expect(hex(await readAll(file))).toBe(hex(concat([...before, entryBytes(3, 2, bytes('cc'))])));
    });

    it('is there whole or not at all after a power cut at any moment', async () => {
      for (const share of [0, 0.5, 1]) {
        const { machine, file } = await openStream(durability);
        let turn = 0;
        const cuts: SimulatedMachine[] = [];
        machine.onChange = () => {
          cuts.push(machine.afterPowerCut(() => share === 1 || (share > 0 && turn++ % 3 !== 0)));
        };
        addLarge(file);
        const inOperation = cuts.length;
        await file.commitAtomicOp();
        machine.onChange = undefined;
        expect(inOperation).toBeGreaterThan(10);
        for (const cut of cuts) {
          const found = await cut.open({ pageBytes });
          const all = found.header.totalEntries === 62n;
          if (!all && durability === 'always') expect(found.header.totalEntries).toBe(2n);
          const expected = all ? [...before, ...large] : before.slice(0, Number(found.header.totalEntries));
          expect(hex(await readAll(found))).toBe(hex(concat(expected)));
          expect(isZero(cut.content.subarray(found.committedLength))).toBe(true);
        }
      }
    });

    it('on a disk that gets full is refused, and must be rolled back; then the stream goes on', async () => {
      for (const full of [1, 3, 20]) {
        const { machine, file } = await openStream(durability);
        let writes = 0;
        machine.disk.fault = ({ kind }) => {
          return kind === 'write' && ++writes >= full ? { code: 'ENOSPC', written: 77 } : undefined;
        };
        expect(() => {
          addLarge(file);
        }).toThrow(expect.objectContaining({ code: 'disk-full' }));
        machine.disk.fault = undefined;
        expect(() => file.addStreamEntry(7, data)).toThrow(expect.objectContaining({ code: 'disk-full' }));
        expect(file.operationOpen).toBe(true);
        file.rollbackAtomicOp();
        expect(file.failure).toBeUndefined();
        expect(isZero(machine.content.subarray(file.committedLength))).toBe(true);
        addLarge(file);
        await file.commitAtomicOp();
        expect(hex(await readAll(file))).toBe(hex(concat([...before, ...large])));
      }
    });

    it('on a disk that fails ends writing', async () => {
      const { machine, file } = await openStream(durability);
      machine.disk.fault = ({ kind }) => (kind === 'write' ? { code: 'EIO' } : undefined);
      expect(() => {
        addLarge(file);
      }).toThrow(expect.objectContaining({ code: 'io' }));
      expect(file.failure?.code).toBe('io');
      expect(hex(await readAll(file))).toBe(hex(concat(before)));
    });

    it('does not disturb commits that are still being written', async () => {
      const { machine, file } = await openStream(durability);
      const waiting = [3, 4, 5].map((type) => commit(file, [type, bytes('cc')]));
      addLarge(file);
      file.rollbackAtomicOp();
      await Promise.all(waiting);
      const expected = concat([
        ...before,
        ...[3, 4, 5].map((type, i) => entryBytes(type, 2 + i, bytes('cc'))),
      ]);
      expect(hex(await readAll(file))).toBe(hex(expected));
      await file.close();
      expect(hex(await readAll(await machine.open({ pageBytes })))).toBe(hex(expected));
    });

    it('that cannot be removed again ends writing, and what was being written meanwhile is whole', async () => {
      const expected = hex(concat([...before, entryBytes(3, 2, bytes('cc'))]));
      for (let turns = 0; turns < 12; turns++) {
        const { machine, file } = await openStream(durability);
        const waiting = commit(file, [3, bytes('cc')]).catch(() => undefined);
        addLarge(file);
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        machine.disk.fault = ({ kind }) => (kind === 'resize' ? { code: 'EIO' } : undefined);
        file.rollbackAtomicOp();
        machine.disk.fault = undefined;
        expect(file.failure?.code).toBe('io');
        await waiting;
        const found = file.header.totalEntries === 3n ? expected : hex(concat(before));
        expect(hex(await readAll(file))).toBe(found);
        await file.close();
        expect(hex(await readAll(await machine.open({ pageBytes })))).toBe(found);
      }
    });
  },
);

describe('an operation of 100 MiB', () => {
  const folder = temporaryFolders();

  it('holds no more than a few pages in memory', async () => {
    const path = join(await folder(), 'stream.bin');
    await using file = await StreamFile.open(path, { create: identity, cachePages: 2 });
    const part = new Uint8Array(64 << 10).fill(7);
    const bytesBefore = process.memoryUsage().arrayBuffers;
    let most = 0;
    file.startAtomicOp();
    for (let i = 0; i < 1600; i++) {
      file.addStreamEntry(1, part);
      most = Math.max(most, process.memoryUsage().arrayBuffers - bytesBefore);
    }
    await file.commitAtomicOp();
    expect(most).toBeLessThan(50 << 20);
    expect(file.header.totalEntries).toBe(1600n);
    expect(Buffer.compare((await file.getEntry(1599n))?.data ?? new Uint8Array(0), part)).toBe(0);
    expect(isZero((await bytesOf(path, 102 << 20)).subarray(file.committedLength))).toBe(true);
  });
});
