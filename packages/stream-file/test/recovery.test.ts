// Goal: which commit slot a recovery believes. The header pages are made by hand, for states that a random history comes to
// too rarely: many commits that were not synced, of which a power cut has left the wrong ones.
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { HeaderPage, type CommitRecord } from '../src/commits/header-page.js';
import { bytes, concat, entryBytes, hex, identity, isZero, readAll } from './bytes.js';
import { SimulatedMachine } from './simulated-machine.js';

const pageBytes = 256;
const entries = [0, 1, 2, 3].map((number) => entryBytes(1, number, bytes('aabb')));
const extents = [0, 1, 2, 3, 4].map((count) => ({ length: 4096 + 19 * count, entries: count }));

/** A commit from `from` to `to` entries, upon the commit `base`. */
function record(sequence: number, base: number, from: number, to: number, wrong = false): CommitRecord {
  const start = extents[from]!;
  const end = extents[to]!;
  const dataCrc = crc32(concat(entries.slice(from, to)));
  return {
    sequence,
    base,
    start,
    end,
    epoch: 7n,
    session: 1n,
    dataCrc: wrong ? dataCrc + 1 : dataCrc,
    clean: false,
  };
}

/** What is found in a file with these four entries and these slots, written one after the other. */
async function recovered(...records: CommitRecord[]): Promise<number> {
  const headerPage = new HeaderPage(identity);
  for (const each of records) headerPage.record(each);
  const machine = new SimulatedMachine();
  const content = concat([headerPage.bytes, ...entries]);
  machine.disk.put(
    '/data/stream.bin',
    concat([content, new Uint8Array(4096 + 10 * pageBytes - content.length)]),
  );
  const file = await machine.open({ pageBytes });
  const count = Number(file.header.totalEntries);
  expect(hex(await readAll(file))).toBe(hex(concat(entries.slice(0, count))));
  expect(isZero(machine.content.subarray(file.committedLength))).toBe(true);
  expect(file.epoch).toBe(7n);
  return count;
}

describe('a recovery believes', () => {
  it('the newest commit, if its bytes are there', async () => {
    expect(await recovered(record(1, 0, 0, 1), record(2, 1, 1, 3))).toBe(3);
  });

  it('what the newest commit builds on, if they are not', async () => {
    expect(await recovered(record(1, 0, 0, 1), record(2, 1, 1, 3, true))).toBe(1);
  });

  it('of several commits on the same base the newest that is whole', async () => {
    expect(await recovered(record(1, 0, 0, 1), record(2, 1, 1, 2), record(3, 1, 1, 4, true))).toBe(2);
  });

  it('no commit that is older than the base, though its bytes are there: it was cut off since', async () => {
    expect(await recovered(record(4, 3, 0, 4), record(5, 4, 2, 2), record(6, 5, 2, 3, true))).toBe(2);
    // The slot of commit 5 is gone, overwritten by commit 12; commit 4 has nothing to say for all that.
    expect(await recovered(record(4, 3, 2, 4), record(12, 5, 2, 3, true))).toBe(2);
  });

  it('and refuses a file that ends within what was durable', async () => {
    const headerPage = new HeaderPage(identity);
    headerPage.record(record(2, 1, 3, 4));
    const machine = new SimulatedMachine();
    machine.disk.put('/data/stream.bin', concat([headerPage.bytes, entries[0]!]));
    await expect(machine.open({ pageBytes })).rejects.toMatchObject({
      code: 'damaged',
      message: '/data/stream.bin: 4153 bytes are committed, but the file has only 4115',
    });
  });
});
