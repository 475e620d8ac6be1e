// Goal: a full disk refuses what does not fit and loses nothing; a disk that fails ends writing, while reading goes on.
import { describe, expect, it } from 'vitest';
import { CommitRecords } from '../src/commits/commit-records.js';
import { HeaderPage, type CommitRecord } from '../src/commits/header-page.js';
import type { DiskFile } from '../src/disk/disk.js';
import { StreamFileError, type StreamFile } from '../src/index.js';
import { ascii, bytes, commit, concat, entryBytes, hex, readAll } from './bytes.js';
import type { DiskCall, Fault } from './simulated-disk.js';
import { SimulatedMachine } from './simulated-machine.js';

const pageBytes = 128;
const first = [entryBytes(0xb0, 0, ascii('one')), entryBytes(1, 1, bytes('aa'))];

/** A stream with one committed operation. */
async function openStream(): Promise<{ machine: SimulatedMachine; file: StreamFile }> {
  const machine = new SimulatedMachine();
  const file = await machine.open({ pageBytes });
  await commit(file, 'one', [1, bytes('aa')]);
  return { machine, file };
}

/** Fails all calls of these kinds on the stream file itself, unless another path is given. */
function failing(fault: Fault, ...kinds: DiskCall['kind'][]): (call: DiskCall) => Fault | undefined {
  return ({ kind, path }) => (kinds.includes(kind) && path.endsWith('.bin') ? fault : undefined);
}

async function codeOf(done: Promise<unknown>): Promise<unknown> {
  return done.then(
    () => 'done',
    (error: unknown) => (error instanceof StreamFileError ? error.code : error),
  );
}

describe('a full disk', () => {
  it.each([0, 1, 20, 60])('refuses a commit, of which %i bytes were written', async (written) => {
    const { machine, file } = await openStream();
    machine.disk.fault = failing({ code: 'ENOSPC', written }, 'write');
    await expect(commit(file, 'two', [1, bytes('bb'.repeat(60))])).rejects.toMatchObject({
      code: 'disk-full',
      message: '/data/stream.bin: no room on the disk while writing entries 2 to 3 (ENOSPC)',
    });
    expect(file.failure).toBeUndefined();
    expect(file.header.totalEntries).toBe(2n);
    expect(file.nextEntry).toBe(2n);
    expect(file.getBookmark(ascii('two'))).toBeUndefined();
  });

  it('refuses the commits that wait, and the open operation, which must be rolled back', async () => {
    const { machine, file } = await openStream();
    const waiting = [2, 3, 4].map((type) => commit(file, [type, bytes('bb')]));
    file.startAtomicOp();
    file.addStreamEntry(5, bytes('cc'));
    machine.disk.fault = failing({ code: 'ENOSPC', written: 5 }, 'write');
    expect(await Promise.all(waiting.map(codeOf))).toEqual(['disk-full', 'disk-full', 'disk-full']);
    expect(() => file.addStreamEntry(6, bytes('dd'))).toThrow(expect.objectContaining({ code: 'disk-full' }));
    expect(file.operationOpen).toBe(true);
    expect(await codeOf(file.commitAtomicOp())).toBe('disk-full');
    expect(file.operationOpen).toBe(false);
    machine.disk.fault = undefined;
    await commit(file, [7, bytes('ee')]);
    expect(hex(await readAll(file))).toBe(hex(concat([...first, entryBytes(7, 2, bytes('ee'))])));
  });

  it('keeps what was acknowledged, and goes on once there is room', async () => {
    const { machine, file } = await openStream();
    for (let round = 0; round < 5; round++) {
      machine.disk.fault = failing({ code: 'ENOSPC', written: 7 * round }, 'write');
      expect(await codeOf(commit(file, 'lost', [1, bytes('bb'.repeat(25 * round))]))).toBe('disk-full');
      machine.disk.fault = undefined;
      await commit(file, `kept ${round}`);
    }
    await file.close();
    const reopened = await machine.open({ pageBytes });
    const kept = [0, 1, 2, 3, 4].map((round) => entryBytes(0xb0, 2 + round, ascii(`kept ${round}`)));
    expect(hex(await readAll(reopened))).toBe(hex(concat([...first, ...kept])));
    expect(reopened.getBookmark(ascii('lost'))).toBeUndefined();
    expect(reopened.getBookmark(ascii('kept 4'))).toBe(6n);
  });

  it('refuses an update, which can be made again', async () => {
    const { machine, file } = await openStream();
    machine.disk.fault = ({ kind, path }) =>
      kind === 'write' && path.includes('.update') ? { code: 'ENOSPC', written: 3 } : undefined;
    expect(await codeOf(file.updateEntryData(1n, 1, bytes('bb')))).toBe('disk-full');
    expect((await file.getEntry(1n))?.data).toEqual(bytes('aa'));
    machine.disk.fault = undefined;
    await file.updateEntryData(1n, 1, bytes('cc'));
    expect((await file.getEntry(1n))?.data).toEqual(bytes('cc'));
  });

  it('found at the commit itself is no matter of trying again: nobody knows what is on the disk', async () => {
    const { machine, file } = await openStream();
    machine.disk.fault = failing({ code: 'ENOSPC' }, 'sync');
    await expect(commit(file, [1, bytes('bb')])).rejects.toMatchObject({ code: 'io' });
    expect(file.failure?.code).toBe('io');
  });

  it('of the bookmark index refuses commits until there is room, and no bookmark is lost', async () => {
    const { machine, file } = await openStream();
    machine.bookmarks.fault = () => Object.assign(new Error('no room'), { code: 'ENOSPC' });
    await commit(file, 'two');
    // The index follows the commits.
    await new Promise(setImmediate);
    expect(await codeOf(commit(file, 'three'))).toBe('disk-full');
    expect(file.getBookmark(ascii('two'))).toBe(2n);
    machine.bookmarks.fault = undefined;
    await commit(file, 'four');
    await file.close();
    const reopened = await machine.open({ pageBytes });
    const found = ['one', 'two', 'three', 'four'].map((key) => reopened.getBookmark(ascii(key)));
    expect(found).toEqual([0n, 2n, undefined, 3n]);
  });
});

describe('a bookmark index that cannot be built again when many bookmarks are cut off', () => {
  // So many keys that their older bookmarks are not looked for one by one.
  const CUT = 100_001;
  const KEPT = 5_000;

  // At the first step, in the middle of emptying it, and while it is filled.
  it.each([1, 2, 4])(
    'ends writing at write %i, and never names an entry that is another one now',
    async (nth) => {
      const machine = new SimulatedMachine();
      const options = { pageBytes: 1 << 16 };
      const file = await machine.open(options);
      for (const [first, count] of [
        [0, KEPT],
        [KEPT, CUT],
      ] as const) {
        file.startAtomicOp();
        for (let key = first; key < first + count; key++) file.addStreamBookmark(ascii(`key ${key}`));
        await file.commitAtomicOp();
      }
      await file.getEntry(0n);
      let writes = -Infinity;
      machine.bookmarks.fault = () =>
        ++writes >= nth ? Object.assign(new Error('no room'), { code: 'ENOSPC' }) : undefined;
      // What is on its way to the index is not what is to fail.
      for (let turn = 0; turn < 1_000; turn++) await new Promise(setImmediate);
      writes = 0;
      expect(await codeOf(file.truncateFile(BigInt(KEPT)))).toBe('io');
      machine.bookmarks.fault = undefined;

      const others = Array.from({ length: CUT }, () => [1, bytes('')] as const);
      expect(await codeOf(commit(file, ...others))).toBe('io');
      expect(file.getBookmark(ascii(`key ${KEPT + CUT - 1}`))).toBeUndefined();
      await file.close();
      const again = await machine.open(options);
      await commit(again, ...others);
      for (const key of [0, 1, KEPT - 1]) expect(again.getBookmark(ascii(`key ${key}`))).toBe(BigInt(key));
      for (const key of [KEPT, KEPT + 1, KEPT + CUT - 1])
        expect(again.getBookmark(ascii(`key ${key}`))).toBeUndefined();
    },
  );
});

describe('a disk that fails', () => {
  it.each(['write', 'sync'] as const)('at a %s ends writing for good', async (kind) => {
    const { machine, file } = await openStream();
    machine.disk.fault = failing({ code: 'EIO' }, kind);
    const waiting = [2, 3].map((type) => commit(file, [type, bytes('bb')]));
    file.startAtomicOp();
    expect(await Promise.all(waiting.map(codeOf))).toEqual(['io', 'io']);
    // Also when the disk says that all is well again: what the failed call has lost stays lost.
    machine.disk.fault = undefined;
    expect(() => file.addStreamEntry(1, bytes('cc'))).toThrow(expect.objectContaining({ code: 'io' }));
    file.rollbackAtomicOp();
    expect(() => {
      file.startAtomicOp();
    }).toThrow(/nothing more is written: close the file and open it again/);
    expect(await codeOf(file.truncateFile(0n))).toBe('io');
    expect(await codeOf(file.updateEntryData(1n, 1, bytes('bb')))).toBe('io');
    expect(await codeOf(file.raiseEpoch(9n))).toBe('io');
    expect(file.failure).toMatchObject({ code: 'io', cause: { code: 'EIO' } });
  });

  it.each(['write', 'sync'] as const)('at a %s leaves readers at the last durable entry', async (kind) => {
    const { machine, file } = await openStream();
    machine.disk.fault = failing({ code: 'EIO' }, kind);
    expect(await codeOf(commit(file, 'two', [2, bytes('bb')]))).toBe('io');
    expect(file.header.totalEntries).toBe(2n);
    expect(hex(await readAll(file))).toBe(hex(concat(first)));
    expect(file.getBookmark(ascii('one'))).toBe(0n);
    expect(file.getBookmark(ascii('two'))).toBeUndefined();
  });

  it("ends writing when it is at a sync beside the commits of 'os'; what they have made visible stays", async () => {
    const machine = new SimulatedMachine();
    const file = await machine.open({ pageBytes, durability: 'os', pagesToSync: 0.1 });
    machine.disk.fault = failing({ code: 'EIO' }, 'sync');
    await commit(file, 'one', [1, bytes('aa')]);
    await new Promise(setImmediate);
    expect(file.failure).toMatchObject({ code: 'io' });
    expect(await codeOf(commit(file, [2, bytes('bb')]))).toBe('io');
    expect(hex(await readAll(file))).toBe(hex(concat(first)));
    await file.close();
  });

  it('at a sync is the end of syncs, even if another one were to succeed', async () => {
    const syncs = [() => Promise.reject(new Error('EIO')), () => Promise.resolve()];
    const file = { writeSync: () => undefined, sync: () => syncs.shift()!() } as unknown as DiskFile;
    const record: CommitRecord = {
      ...{ sequence: 1, base: 0, start: { length: 4096, entries: 0 }, end: { length: 4096, entries: 0 } },
      ...{ epoch: 0n, session: 1n, dataCrc: 0, clean: false },
    };
    const headerPage = new HeaderPage({ systemId: 1n, streamType: 1n, version: 1 });
    const records = new CommitRecords(file, headerPage, record, () => undefined);
    records.add({ length: 5000, entries: 3 }, 0);
    await expect(records.syncBeside()).rejects.toThrow('EIO');
    await expect(records.mark({ clean: true })).rejects.toThrow('EIO');
    expect(records.unsyncedBytes).toBe(904);
    expect(syncs).toHaveLength(1);
  });

  it('at a sync loses nothing that the program which is started next has shown, if the power fails then', async () => {
    // Pages of whole sectors: to cut a file within one is to write it again.
    const machine = new SimulatedMachine();
    const options = { pageBytes: 1024 };
    const file = await machine.open(options);
    await commit(file, 'one', [1, bytes('aa')]);
    machine.disk.fault = failing({ code: 'EIO' }, 'sync');
    expect(await codeOf(commit(file, [2, bytes('bb')]))).toBe('io');
    machine.disk.fault = undefined;

    // The entry stands in the operating system's memory only, and no sync writes it.
    const restarted = machine.afterKill();
    const reopened = await restarted.open(options);
    expect(reopened.header.totalEntries).toBe(3n);
    const after = restarted.afterPowerCut(() => false);
    const found = await after.open(options);
    expect(hex(await readAll(found))).toBe(hex(concat([...first, entryBytes(2, 2, bytes('bb'))])));
  });

  it('keeps all that was acknowledged when the file is opened again', async () => {
    for (const keep of [true, false]) {
      const { machine, file } = await openStream();
      machine.disk.fault = failing({ code: 'EIO' }, 'sync');
      expect(await codeOf(commit(file, [2, bytes('bb')]))).toBe('io');
      const restarted = machine.afterPowerCut(() => keep);
      const again = await restarted.open({ pageBytes });
      const found = hex(await readAll(again)) ?? '';
      // The last operation was not acknowledged: it may be there, whole, or not.
      expect(hex(concat([...first, entryBytes(2, 2, bytes('bb'))]))).toContain(found);
      expect([2n, 3n]).toContain(again.header.totalEntries);
    }
  });

  it('lets the file be closed, and so opened again', async () => {
    const { machine, file } = await openStream();
    machine.disk.fault = failing({ code: 'EIO' }, 'write', 'sync');
    expect(await codeOf(file.truncateFile(1n))).toBe('io');
    await file.close();
    machine.disk.fault = undefined;
    const again = await machine.open({ pageBytes });
    await commit(again, [3, bytes('cc')]);
  });

  it('says so when closing fails, and the file can be opened again all the same', async () => {
    const { machine, file } = await openStream();
    machine.disk.fault = failing({ code: 'EIO' }, 'sync');
    expect(await codeOf(file.close())).toBe('io');
    machine.disk.fault = undefined;
    const again = await machine.open({ pageBytes });
    expect(hex(await readAll(again))).toBe(hex(concat(first)));
  });

  it('at a read says where, and reading can be tried again', async () => {
    const machine = new SimulatedMachine();
    const file = await machine.open({ pageBytes, cachePages: 0 });
    for (let i = 0; i < 5; i++) await commit(file, [1, bytes('aa'.repeat(100))]);
    machine.disk.fault = failing({ code: 'EIO' }, 'read');
    await expect(file.getEntry(0n)).rejects.toMatchObject({
      code: 'io',
      message: expect.stringMatching(/reading \d+ bytes at offset \d+/) as string,
    });
    machine.disk.fault = undefined;
    expect((await file.getEntry(0n))?.number).toBe(0n);
    await commit(file, [1, bytes('bb')]);
  });

  it('while a file is opened is an error of its own, and leaves the file free for the next try', async () => {
    const { machine, file } = await openStream();
    await file.close();
    for (let call = 1; call < 12; call++) {
      const start = machine.disk.calls;
      machine.disk.fault = () => (machine.disk.calls === start + call ? { code: 'EIO' } : undefined);
      const outcome = await machine.open({ pageBytes }).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ name: 'StreamFileError', code: 'io' });
      else await (outcome as StreamFile).close().catch(() => undefined);
    }
    machine.disk.fault = undefined;
    expect(hex(await readAll(await machine.open({ pageBytes })))).toBe(hex(concat(first)));
  });

  it('an argument that is wrong does not end writing', async () => {
    const { file } = await openStream();
    expect(await codeOf(file.raiseEpoch(2n ** 64n))).not.toBe('done');
    expect(await codeOf(file.truncateFile(-1n))).toBe('entry-not-found');
    await file.raiseEpoch(2n ** 64n - 1n);
    await commit(file, [3, bytes('cc')]);
  });
});
