// Goal: what is borrowed stays what it is until it is given back, however the memory of other pages is used again
// meanwhile; and neither readers that give nothing back nor many that wait make memory grow by pages.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { entryLengthAt } from '@ds/codec';
import type { Disk, DiskFile, Loan, StreamFile } from '../src/index.js';
import { bytes, commit, concat, hex, readAll } from './bytes.js';
import { randomItems } from './model.js';
import { rounds } from './random.js';
import { SimulatedMachine } from './simulated-machine.js';

const pageBytes = 128;
const PAGES = 40;
const HEADER_BYTES = 4096;
const path = '/data/stream.bin';

/** Three entries a page, each of its own. */
async function fill(file: StreamFile): Promise<void> {
  for (let entry = 0; entry < 3 * PAGES; entry++) await commit(file, [1, new Uint8Array(20).fill(entry + 1)]);
}

async function openFilled(cachePages: number, options: { verifyIntervalMs?: number; disk?: Disk } = {}) {
  const machine = new SimulatedMachine();
  const file = await machine.open({ pageBytes, cachePages, ...options });
  await fill(file);
  return { machine, file };
}

function offsetOfPage(page: number): number {
  return HEADER_BYTES + page * pageBytes;
}

async function borrow(file: StreamFile, offset: number, bytesMax = pageBytes): Promise<Loan> {
  const loan = await file.borrow(offset, bytesMax);
  if (!loan) throw new Error(`there is nothing at offset ${offset}`);
  return loan;
}

describe('What is borrowed', () => {
  it.each([0, 1, 3])('stays until it is given back, with a cache of %i pages', async (cachePages) => {
    const { file } = await openFilled(cachePages);
    const all = await readAll(file);
    await rounds(20, 'borrowing.test.ts', async (random) => {
      const held: { loan: Loan; was: string | undefined }[] = [];
      for (let step = 0; step < 100; step++) {
        const wanted = Array.from({ length: random.integer(1, 4) }, () => random.integer(0, PAGES - 1));
        const loans = await Promise.all(wanted.map((page) => borrow(file, offsetOfPage(page))));
        for (const [nth, loan] of loans.entries()) {
          const was = hex(loan.bytes);
          expect(hex(all)).toContain(was);
          expect(loan.bytes[17]).toBe(3 * wanted[nth]! + 1);
          held.push({ loan, was });
        }
        while (held.length > random.integer(0, 8)) {
          const [{ loan, was }] = held.splice(random.integer(0, held.length - 1), 1) as [(typeof held)[0]];
          expect(hex(loan.bytes)).toBe(was);
          loan.release();
        }
      }
      for (const { loan } of held) loan.release();
      return undefined;
    });
  });

  it('stays when the stream is cut and others take its place', async () => {
    const { file } = await openFilled(2);
    const loans = await Promise.all([1, 5, PAGES - 1].map((page) => borrow(file, offsetOfPage(page))));
    const were = loans.map((loan) => hex(loan.bytes));
    await file.truncateFile(2n);
    await fill(file);
    expect(hex(await readAll(file))).not.toContain(were[2]);
    expect(loans.map((loan) => hex(loan.bytes))).toEqual(were);
  });

  it('is whole entries: as many as fit, but at least one, to the end of a page at most', async () => {
    const { file } = await openFilled(4);
    const entryBytes = 37;
    for (let bytesMax = 0; bytesMax < pageBytes; bytesMax++) {
      const { bytes: borrowed, nextOffset, release } = await borrow(file, offsetOfPage(3), bytesMax);
      const count = Math.max(1, Math.floor(bytesMax / entryBytes));
      expect(borrowed).toHaveLength(Math.min(3, count) * entryBytes);
      expect(nextOffset).toBe(offsetOfPage(3) + borrowed.length);
      release();
    }
  });

  it('is all of the stream, one loan after the other', async () => {
    const { file } = await openFilled(2);
    const parts: Uint8Array[] = [];
    for (let offset = HEADER_BYTES; ;) {
      const loan = await file.borrow(offset, 80);
      if (!loan) break;
      expect(entryLengthAt(loan.bytes, 0)).toBe(37);
      parts.push(loan.bytes.slice());
      offset = loan.nextOffset;
      loan.release();
    }
    expect(hex(concat(parts))).toBe(hex(await readAll(file)));
  });
});

describe('Memory', () => {
  it.each([0, 1, 3])(
    'is no more when entries of many pages are updated, with a cache of %i pages',
    async (cachePages) => {
      const { machine, file } = await openFilled(cachePages);
      const before = file.cache.bytes;
      for (let page = 0; page < PAGES; page++)
        await file.updateEntryData(BigInt(3 * page + 1), 1, new Uint8Array(20).fill(200 - page));
      expect(file.cache.bytes).toBeLessThanOrEqual(before + 4 * pageBytes);
      // Each page is read again, and held against what is known of it.
      const updated = hex(await readAll(file));
      await file.close();
      const again = await machine.open({ pageBytes });
      expect(hex(await readAll(again))).toBe(updated);
      expect(updated).toContain('c8'.repeat(20));
    },
  );

  it('is that of a few pages and of small copies, when nothing is given back', async () => {
    const cachePages = 4;
    const { file } = await openFilled(cachePages);
    const loans: Loan[] = [];
    for (let page = 0; page < PAGES; page++) loans.push(await borrow(file, offsetOfPage(page), 40));
    const whole = loans.filter((loan) => loan.bytes.buffer.byteLength > 40);
    expect(whole.length).toBeGreaterThan(0);
    expect(whole.length).toBeLessThanOrEqual(cachePages + 4);
    for (const [page, loan] of loans.entries()) expect(loan.bytes[17]).toBe(3 * page + 1);
    for (const { release } of loans) release();
    const again = await borrow(file, offsetOfPage(7), 40);
    expect(again.bytes.buffer.byteLength).toBeGreaterThan(40);
  });

  it('is no more when each page was waited for by two readers, of whom one gives it back', async () => {
    // So few that none is loaded ahead: both readers wait for it.
    const cachePages = 2;
    const { file } = await openFilled(cachePages);
    const kept: Loan[] = [];
    for (let page = 0; page < PAGES; page++) {
      const offset = offsetOfPage(page);
      const [one, other] = await Promise.all([borrow(file, offset, 40), borrow(file, offset, 40)]);
      one.release();
      kept.push(other);
    }
    expect(file.cache.pagesOnLoan).toBeLessThanOrEqual(cachePages + 1);
    for (const [page, { bytes, release }] of kept.entries()) {
      expect(bytes[17]).toBe(3 * page + 1);
      release();
    }
    expect(file.cache.pagesOnLoan).toBe(0);
  });

  it('is that of four pages more, however many readers wait for pages', async () => {
    const machine = new SimulatedMachine();
    const disk = new CountingDisk(machine.disk);
    const file = await machine.open({ pageBytes, cachePages: 2, disk });
    await fill(file);
    disk.most = 0;
    const pages = [...Array(PAGES - 2).keys()];
    const loans = await Promise.all(pages.map((page) => borrow(file, offsetOfPage(page))));
    for (const [page, loan] of loans.entries()) expect(loan.bytes[17]).toBe(3 * page + 1);
    expect(disk.most).toBeGreaterThan(1);
    expect(disk.most).toBeLessThanOrEqual(4);
  });
});

describe('What has rotted since it was verified', () => {
  afterEach(() => void vi.useRealTimers());

  async function rotWhileOpen(verifyIntervalMs: number): Promise<StreamFile> {
    const { machine, file } = await openFilled(1, { verifyIntervalMs });
    await readAll(file);
    (await machine.disk.open(path)).writeSync(offsetOfPage(3) + 20, bytes('ff'));
    return file;
  }

  it('is found by whoever reads it from the disk, when that is asked for', async () => {
    const file = await rotWhileOpen(0);
    await expect(borrow(file, offsetOfPage(3))).rejects.toMatchObject({ code: 'damaged' });
  });

  it('is found at the latest when the interval is over', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const file = await rotWhileOpen(60_000);
    (await borrow(file, offsetOfPage(3))).release();
    (await borrow(file, offsetOfPage(9))).release();
    vi.advanceTimersByTime(62_000);
    await expect(borrow(file, offsetOfPage(3))).rejects.toMatchObject({ code: 'damaged' });
    expect((await borrow(file, offsetOfPage(4))).bytes[17]).toBe(13);
  });

  it('is found in a page that was changed meanwhile', async () => {
    const { machine, file } = await openFilled(1);
    await readAll(file);
    await file.updateEntryData(10n, 1, new Uint8Array(20).fill(200));
    (await borrow(file, offsetOfPage(9))).release();
    (await machine.disk.open(path)).writeSync(offsetOfPage(3) + 20, bytes('ff'));
    (await borrow(file, offsetOfPage(20))).release();
    await expect(borrow(file, offsetOfPage(3))).rejects.toMatchObject({ code: 'damaged' });
  });
});

/** Counts the reads that are under way at once. */
class CountingDisk implements Disk {
  readonly #disk: Disk;
  #reads = 0;
  most = 0;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  async open(path: string): Promise<DiskFile> {
    const file = await this.#disk.open(path);
    return {
      ...file,
      read: async (at, into) => {
        this.most = Math.max(this.most, ++this.#reads);
        await new Promise(setImmediate);
        const count = await file.read(at, into);
        this.#reads--;
        return count;
      },
    };
  }

  create(path: string): Promise<DiskFile> {
    return this.#disk.create(path);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#disk.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return this.#disk.remove(path);
  }

  syncFolder(path: string): Promise<void> {
    return this.#disk.syncFolder(path);
  }
}

it('What is borrowed says how many entries it has, wherever it ends and the stream was cut', async () => {
  await rounds(30, 'borrowing.test.ts', async (random) => {
    const machine = new SimulatedMachine();
    const file = await machine.open({ pageBytes, cachePages: random.pick([0, 2]) });
    // Then the page directory is not there to be asked.
    if (random.chance(0.5))
      machine.disk.fault = ({ kind, path: file }) =>
        kind === 'write' && file.endsWith('.pages') ? { code: 'EIO' } : undefined;
    for (let operation = 0; operation < 20; operation++) {
      const items = randomItems(random, pageBytes).map(({ data }) => [1, data] as const);
      await commit(file, ...items);
      if (random.chance(0.2)) {
        const entry = random.integer(0, Number(file.header.totalEntries) - 1);
        await file.truncateFile(BigInt(entry));
      }
      let entries = 0;
      for (let offset = HEADER_BYTES; ;) {
        const loan = await file.borrow(offset, random.integer(1, pageBytes));
        if (!loan) break;
        let count = 0;
        for (let at = 0; at < loan.bytes.length; at += entryLengthAt(loan.bytes, at)) count++;
        expect(loan.entries).toBe(count);
        entries += count;
        offset = loan.nextOffset;
        loan.release();
      }
      expect(BigInt(entries)).toBe(file.header.totalEntries);
    }
    return undefined;
  });
});

it('How pages are kept is told: those that were there, those that were not, those on loan', async () => {
  const { file } = await openFilled(4);
  const before = file.cache;
  const first = await borrow(file, HEADER_BYTES);
  const again = await borrow(file, HEADER_BYTES);
  const { hits, misses, pagesOnLoan, bytes: memory } = file.cache;
  expect({ hits: hits - before.hits, misses: misses - before.misses }).toEqual({ hits: 1, misses: 1 });
  expect(pagesOnLoan).toBe(1);
  expect(memory % pageBytes).toBe(0);
  expect(memory).toBeGreaterThanOrEqual(pageBytes);
  first.release();
  again.release();
  expect(file.cache.pagesOnLoan).toBe(0);
});
