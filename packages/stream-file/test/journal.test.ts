// Goal: for every committed entry the stream can say which operation it belongs to, or that this is not known, and it is
// never wrong about it. Method: histories on a simulated disk, whose journal is then cut, lost, torn or not writable. That
// power cuts do no harm either is tried by crash-points.test.ts, and flipped bits by bit-flips.test.ts.
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { StreamFile } from '../src/index.js';
import { crcOf, joinedCrc, replacedCrc, viewOf } from '../src/journal/checksums.js';
import { ascii, commit, concat } from './bytes.js';
import { addAll, operationsOf, wrongOperation } from './comparison.js';
import { Model, randomItems, type Item } from './model.js';
import { rounds, type Random } from './random.js';
import { SimulatedMachine } from './simulated-machine.js';

const pageBytes = 100;
const journal = '/data/stream.bin.journal';

const item = (bytes: number): Item => ({ type: 1, data: new Uint8Array(bytes).fill(bytes) });

/** Commits each list of items as an operation. */
async function write(file: StreamFile, before: Model, ...operations: readonly Item[][]): Promise<Model> {
  let state = before;
  for (const items of operations) {
    file.startAtomicOp();
    addAll(file, items);
    await file.commitAtomicOp();
    state = state.append(items);
  }
  return state;
}

/** The operations as text: `0-3 4-5?`, where the question mark says that what was taken over is not known. */
function textOf(file: StreamFile): string {
  return operationsOf(file)
    .map(
      ({ firstEntry, nextEntry, crc32: crc }) =>
        `${firstEntry}-${nextEntry - 1n}${crc === undefined ? '?' : ''}`,
    )
    .join(' ');
}

function expectRight(file: StreamFile, state: Model): void {
  expect(wrongOperation(operationsOf(file), state)).toBeUndefined();
}

describe('Operations', () => {
  it('are found by any of their entries, with time and checksum', async () => {
    const before = BigInt(Date.now());
    const machine = new SimulatedMachine();
    const file = await machine.open({ pageBytes });
    expect(file.operationAt(0n)).toBeUndefined();
    const state = await write(
      file,
      new Model(pageBytes),
      [item(3), item(4)],
      [item(5)],
      [item(6), item(7), item(8)],
    );
    for (const entry of [3n, 4n, 5n]) {
      const found = file.operationAt(entry);
      expect(found).toMatchObject({
        firstEntry: 3n,
        nextEntry: 6n,
        crc32: crc32(concat(state.encoded.slice(3))),
      });
      expect(found?.commitTimeMs).toBeGreaterThanOrEqual(before);
      expect(found?.commitTimeMs).toBeLessThanOrEqual(BigInt(Date.now()));
    }
    expect(file.operationAt(6n)).toBeUndefined();
    expect(file.operationAt(-1n)).toBeUndefined();
    expect(textOf(file)).toBe('0-1 2-2 3-5');
  });

  it('are those that were committed: none that are open, rolled back or empty', async () => {
    const file = await new SimulatedMachine().open({ pageBytes });
    await write(file, new Model(pageBytes), [item(3)], []);
    file.startAtomicOp();
    addAll(file, [item(4)]);
    expect(textOf(file)).toBe('0-0');
    file.rollbackAtomicOp();
    const waiting = [1, 0, 2].map((count) => {
      file.startAtomicOp();
      addAll(
        file,
        Array.from({ length: count }, () => item(5)),
      );
      return file.commitAtomicOp();
    });
    await Promise.all(waiting);
    expect(textOf(file)).toBe('0-0 1-1 2-3');
  });

  it('may span pages, with padding in between, and be larger than memory', async () => {
    const machine = new SimulatedMachine();
    const file = await machine.open({ pageBytes });
    const large = Array.from({ length: 30 }, (_, n) => item(60 + (n % 3)));
    const state = await write(
      file,
      new Model(pageBytes),
      [item(1)],
      [item(70), item(80)],
      large,
      [item(83)],
      large,
    );
    expect(textOf(file)).toBe('0-0 1-2 3-32 33-33 34-63');
    expectRight(file, state);
  });

  it('are all there after a close, and after the program was killed', async () => {
    const machine = new SimulatedMachine();
    const file = await machine.open({ pageBytes, durability: 'os' });
    const state = await write(file, new Model(pageBytes), [item(3)], [item(4), item(5)]);
    const killed = await machine.afterKill().open({ pageBytes });
    expect(textOf(killed)).toBe('0-0 1-2');
    await file.close();
    const again = await machine.open({ pageBytes });
    expect(operationsOf(again)).toEqual(operationsOf(killed));
    expectRight(again, state);
  });

  it('are read with few reads, one by one or in order', async () => {
    const machine = new SimulatedMachine();
    const file = await machine.open({ durability: 'os' });
    const commits: Promise<unknown>[] = [];
    for (let n = 0; n < 5_000; n++) {
      file.startAtomicOp();
      file.addStreamEntry(1, new Uint8Array(0));
      commits.push(file.commitAtomicOp());
    }
    await Promise.all(commits);
    const callsFor = (work: () => void): number => {
      const before = machine.disk.calls;
      work();
      return machine.disk.calls - before;
    };
    expect(callsFor(() => file.operationAt(1_234n))).toBeLessThan(16);
    expect(callsFor(() => operationsOf(file))).toBeLessThan(50);
    expect(operationsOf(file)).toHaveLength(5_000);
  });
});

describe('A stream that is changed', () => {
  async function threeOperations(): Promise<{ machine: SimulatedMachine; file: StreamFile; state: Model }> {
    const machine = new SimulatedMachine();
    const file = await machine.open({ pageBytes });
    const state = await write(
      file,
      new Model(pageBytes),
      [item(3), item(4)],
      [item(70), item(6), item(30)],
      [item(7)],
    );
    return { machine, file, state };
  }

  it.each([
    [5, '0-1 2-4 5-5'],
    [4, '0-1 2-3? 4-4'],
    [2, '0-1 2-2'],
    [0, '0-0'],
  ])('and cut at entry %i goes on behind what is left', async (entry, expected) => {
    const { machine, file, state } = await threeOperations();
    await file.truncateFile(BigInt(entry));
    const next = await write(file, state.truncate(entry), [item(50)]);
    expect(textOf(file)).toBe(expected);
    expectRight(file, next);
    await file.close();
    expect(textOf(await machine.open({ pageBytes }))).toBe(expected);
  });

  it.each([0, 1, 2, 3, 4, 5])(
    'and updated at entry %i has the operation with its new checksum',
    async (entry) => {
      const { machine, file, state } = await threeOperations();
      const { type, data } = state.items[entry]!;
      const other = data.map((byte) => byte ^ 0xff);
      await file.updateEntryData(BigInt(entry), type, other);
      expectRight(file, state.update(entry, other));
      await file.close();
      const again = await machine.open({ pageBytes });
      expect(textOf(again)).toBe('0-1 2-4 5-5');
      expectRight(again, state.update(entry, other));
    },
  );
});

describe('Where operations are not known', () => {
  async function written(): Promise<SimulatedMachine> {
    const machine = new SimulatedMachine();
    const file = await machine.open({ pageBytes });
    await write(file, new Model(pageBytes), ...Array.from({ length: 40 }, (_, n) => [item(n)]));
    await file.close();
    return machine;
  }

  it.each([
    ['the journal is lost', () => new Uint8Array(0), '0-39? 40-40'],
    ['its header is damaged', (bytes: Uint8Array) => bytes.fill(1, 9, 10), '0-39? 40-40'],
    ['its newest records are lost', (bytes: Uint8Array) => bytes.subarray(0, 32 * 31 + 7), '30-39? 40-40'],
    [
      'its newest record is damaged',
      (bytes: Uint8Array) => bytes.fill(1, 32 * 40 + 3, 32 * 40 + 4),
      '39-39? 40-40',
    ],
    ['records inside are lost', (bytes: Uint8Array) => bytes.fill(0, 32 * 10, 32 * 39), '9-38? 39-39 40-40'],
  ])('as %s, they are taken over as one', async (_how, change, expected) => {
    const machine = await written();
    machine.disk.put(journal, change(machine.disk.contentOf(journal)!.slice()));
    const file = await machine.open({ pageBytes });
    await commit(file, 'one more');
    expect(textOf(file)).toMatch(new RegExp(`(^| )${expected.replaceAll('?', '\\?')}$`, 'v'));
    await file.close();
    expect(textOf(await machine.open({ pageBytes }))).toContain(expected);
  });

  it('as the journal cannot be written, the stream goes on, and so does the journal when it can be', async () => {
    const machine = new SimulatedMachine();
    const file = await machine.open({ pageBytes });
    let state = await write(file, new Model(pageBytes), [item(1)]);
    machine.disk.fault = ({ kind, path }) =>
      kind === 'write' && path === journal ? { code: 'ENOSPC', written: 20 } : undefined;
    state = await write(file, state, [item(2)], [item(3), item(4)]);
    machine.disk.fault = undefined;
    expect(textOf(file)).toBe('0-0 1-3?');
    state = await write(file, state, [item(5)], [item(6)]);
    expect(textOf(file)).toBe('0-0 1-3? 4-4 5-5');
    await file.close();
    const again = await machine.open({ pageBytes });
    expect(textOf(again)).toBe('0-0 1-3? 4-4 5-5');
    expectRight(again, state);
  });

  it.each(['write', 'sync', 'resize', 'read'] as const)(
    'as the journal fails in a %s when the stream is cut, it is given up, and begun anew',
    async (kind) => {
      const machine = await written();
      const file = await machine.open({ pageBytes });
      machine.disk.fault = (call) =>
        call.kind === kind && call.path === journal ? { code: 'EIO' } : undefined;
      await file.truncateFile(20n);
      await commit(file, 'one more');
      machine.disk.fault = undefined;
      expect(operationsOf(file).at(-1)?.nextEntry).toBe(21n);
      await file.close();
      const again = await machine.open({ pageBytes });
      await commit(again, 'another one');
      expect(operationsOf(again).at(-1)).toMatchObject({ firstEntry: 21n, nextEntry: 22n });
    },
  );
});

describe('A checksum', () => {
  it('is that of zlib, however small or large the part, and joined or replaced in part', async () => {
    await rounds(300, 'journal.test.ts', (random: Random) => {
      const bytes = random.bytes(random.pick([random.integer(0, 40), random.integer(0, 3000)]));
      const at = random.integer(0, bytes.length);
      const [first, second] = [bytes.subarray(0, at), bytes.subarray(at)];
      expect(crcOf(viewOf(bytes), at, bytes.length)).toBe(crc32(second));
      expect(joinedCrc(crc32(first), crc32(second), second.length)).toBe(crc32(bytes));
      const other = random.bytes(first.length);
      expect(replacedCrc(crc32(bytes), crc32(first), crc32(other), second.length)).toBe(
        crc32(concat([other, second])),
      );
      return Promise.resolve(undefined);
    });
    expect(joinedCrc(crc32(ascii('a')), 0, 2 ** 40)).toBe(
      joinedCrc(joinedCrc(crc32(ascii('a')), 0, 2 ** 39), 0, 2 ** 39),
    );
  });

  it('of operations at random is right', async () => {
    await rounds(50, 'journal.test.ts', async (random: Random) => {
      const file = await new SimulatedMachine().open({ pageBytes });
      const operations = Array.from({ length: 10 }, () => randomItems(random, pageBytes));
      expectRight(file, await write(file, new Model(pageBytes), ...operations));
      return undefined;
    });
  });
});
