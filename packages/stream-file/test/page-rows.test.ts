// Goal: what the page directory says of a page does not depend on how the page came about: filled by operations of every
// size, some of them rolled back, or read from the file and looked at as a whole.
import { expect, it } from 'vitest';
import { readAll } from './bytes.js';
import { Random } from './random.js';
import { SimulatedMachine } from './simulated-machine.js';

const DIRECTORY = '/data/stream.bin.pages';
const ROW_BYTES = 1024;
const HEADER = 4096;

/** The rows of the pages that are full. */
function rowsOf(machine: SimulatedMachine, pages: number): Uint8Array {
  return machine.disk.contentOf(DIRECTORY)!.slice(ROW_BYTES, ROW_BYTES * (1 + pages));
}

it.each([256, 1000, 16_384])(
  'Pages of %i bytes have the rows that a look at them gives',
  async (pageBytes) => {
    const random = new Random(pageBytes);
    const machine = new SimulatedMachine();
    const options = { pageBytes, cachePages: 0 };
    const file = await machine.open(options);
    for (let operation = 0; operation < 200; operation++) {
      file.startAtomicOp();
      for (let entries = random.integer(0, 12); entries > 0; entries--)
        file.addStreamEntry(
          1,
          new Uint8Array(random.integer(0, Math.min(300, pageBytes - 17))).fill(operation),
        );
      if (random.integer(0, 3) === 0) file.rollbackAtomicOp();
      else if (random.integer(0, 1) === 0) await file.commitAtomicOp();
      else void file.commitAtomicOp();
    }
    const pages = Math.floor((file.committedLength - HEADER) / pageBytes);
    expect(pages).toBeGreaterThan(5);
    await file.close();
    const filled = rowsOf(machine, pages);
    // Each page that is read is held against its row.
    const read = async (): Promise<void> => {
      await using again = await machine.open(options);
      await readAll(again);
    };
    await read();

    machine.disk.put(DIRECTORY, new Uint8Array(0));
    await read();
    expect(Buffer.compare(rowsOf(machine, pages), filled)).toBe(0);
  },
);
