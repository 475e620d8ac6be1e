// Goal: pages that the page directory does not know, the last one and those whose rows a crash has cost, are held against
// the operation journal: what has rotted there is refused, and what stands around it is served. That single bits are
// found at every place is what bit-flips.test.ts shows.
import { describe, expect, it } from 'vitest';
import { bytes, commit, concat, entryBytes, hex, readAll } from './bytes.js';
import { Random } from './random.js';
import { SimulatedMachine } from './simulated-machine.js';

const PATH = '/data/stream.bin';
const HEADER = 4096;
const pageBytes = 128;
/** Three of them fill a page. */
const data = bytes('aa'.repeat(20));
const options = { pageBytes, cachePages: 0 };

/** Entries `first` to `last` as they stand in the file. */
function entries(first: number, last: number): Uint8Array {
  return concat(Array.from({ length: last - first + 1 }, (_, n) => entryBytes(1, first + n, data)));
}

/** A stream of operations of `sizes` entries each, killed; of its pages nothing is known but of the first `described`. */
async function killed(sizes: readonly number[], described = 0): Promise<SimulatedMachine> {
  const machine = new SimulatedMachine();
  const file = await machine.open(options);
  for (const size of sizes) await commit(file, ...Array.from({ length: size }, () => [1, data] as const));
  // The bookmark index has everything then, so that an opening has to read nothing for it.
  await file.close();
  await machine.open(options);
  const left = machine.afterKill();
  const rows = left.disk.contentOf(`${PATH}.pages`)!;
  left.disk.put(`${PATH}.pages`, rows.slice(0, 1024 * (1 + described)));
  return left;
}

function spoil(machine: SimulatedMachine, at: number, bits = 1): void {
  const content = machine.content.slice();
  content[at]! ^= bits;
  machine.disk.put(PATH, content);
}

/** Offset of an entry, three to a page. */
function offsetOf(entry: number): number {
  return HEADER + Math.floor(entry / 3) * pageBytes + (entry % 3) * (17 + data.length);
}

describe('After a crash that has cost what the directory said,', () => {
  it('a full page with other bytes is refused to its readers, and the rest is served', async () => {
    const machine = await killed([3, 3, 3, 1]);
    spoil(machine, offsetOf(4) + 30);
    await using file = await machine.open(options);
    const refusal = {
      code: 'damaged',
      message: expect.stringContaining('entries 3 to 5, are not those that were committed') as string,
    };
    for (let again = 0; again < 2; again++) {
      for (const entry of [3n, 4n, 5n])
        await expect(Promise.resolve(file.getEntryBytes(entry))).rejects.toMatchObject(refusal);
      for (const entry of [0, 2, 6, 8, 9])
        expect(hex(await file.getEntryBytes(BigInt(entry)))).toBe(hex(entries(entry, entry)));
    }
    await expect(readAll(file)).rejects.toMatchObject(refusal);
  });

  it('an operation that a single bit makes look like padding is missed', async () => {
    const machine = await killed([3, 1, 1, 1, 1]);
    spoil(machine, offsetOf(5), 2);
    expect(machine.content[offsetOf(5)]).toBe(0);
    await using file = await machine.open(options);
    await expect(readAll(file)).rejects.toMatchObject({
      code: 'damaged',
      message: `${PATH}: the bytes at offset ${offsetOf(5)} are no entry`,
    });
  });

  it('the last page with other bytes keeps the file from being opened, again and again', async () => {
    const machine = await killed([3, 1, 1]);
    spoil(machine, offsetOf(3) + 30);
    for (let again = 0; again < 2; again++) {
      await expect(machine.open(options)).rejects.toMatchObject({
        code: 'damaged',
        message: expect.stringContaining('entries 3 to 3,') as string,
      });
    }
    expect(machine.disk.openPaths).toEqual([]);
  });

  it('an operation over many pages is refused in each of them, wherever its bytes are others', async () => {
    for (const spoilt of [1, 4, 7, 11]) {
      const machine = await killed([1, 11, 3, 1]);
      spoil(machine, offsetOf(spoilt) + 30);
      await using file = await machine.open(options);
      for (let entry = 0; entry < 12; entry++)
        await expect(Promise.resolve(file.getEntryBytes(BigInt(entry))), `entry ${entry}`).rejects.toThrow(
          'entries 1 to 11, are not those that were committed',
        );
      expect(hex(await file.getEntryBytes(13n))).toBe(hex(entries(13, 13)));
    }
  });

  it('what is in order is read, and known from then on', async () => {
    const machine = await killed([1, 11, 3, 1]);
    await using file = await machine.open(options);
    expect(hex(await readAll(file))).toBe(hex(entries(0, 15)));
    await file.close();
    const again = await machine.open(options);
    spoil(machine, offsetOf(4) + 30);
    expect(again.header.totalEntries).toBe(16n);
  });

  it('an opening reads, of an operation that ends in the last page, only the pages that are not known', async () => {
    const sizes = [1, 60];
    const pages = Math.floor(61 / 3);
    for (const described of [0, 10, pages]) {
      const machine = await killed(sizes, described);
      let bytesRead = 0;
      machine.disk.fault = ({ kind, path, bytes: count }) => {
        if (kind === 'read' && path === PATH && (count ?? 0) > 17) bytesRead += count ?? 0;
        return undefined;
      };
      await machine.open(options);
      // Its first page is not all the operation's; what follows the end is looked at, too; and the header page twice, before
      // anything is put beside the file and after.
      const read = (pages - described + 3) * pageBytes + 2 * HEADER;
      expect(bytesRead, `${described} pages known`).toBeLessThanOrEqual(read);
    }
  });
});

it('Readers of a page are not misled by an update in another page of the same operation', async () => {
  const random = new Random(1);
  const machine = await killed([1, 11, 9, 1]);
  const turns = async (most: number): Promise<void> => {
    for (let left = random.integer(0, most); left > 0; left--) await Promise.resolve();
  };
  let readMeanwhile = 0;
  for (let round = 0; round < 400; round++) {
    const left = machine.afterKill();
    const file = await left.open(options);
    left.disk.delay = () => turns(3);
    const update = { isDone: false };
    const updating = file.updateEntryData(8n, 1, bytes('bb'.repeat(20))).then(() => {
      update.isDone = true;
    });
    await turns(60);
    // Nothing of the operation is remembered then.
    await file.getEntryBytes(16n);
    await turns(60);
    if (!update.isDone) readMeanwhile++;
    // Its page, which stands before the updated one, is read now, for the first time.
    expect(hex(await file.getEntryBytes(4n))).toBe(hex(entries(4, 4)));
    await updating;
  }
  expect(readMeanwhile).toBeGreaterThan(100);
});
