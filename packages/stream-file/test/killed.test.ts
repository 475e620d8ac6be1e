// Goal: what a killed program had acknowledged is there, in whole operations, whatever it was doing.
// Method: a real program on a real disk with LevelDB, killed with SIGKILL at random moments under load; the file is then
// opened and compared in full with what the program must have written, and the next program goes on with the same file.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { StreamFile, type Durability } from '../src/index.js';
import { BundledProgram } from './bundled-program.js';
import { entryBytes, readAll } from './bytes.js';
import { bookmarkOf, operationItems, PAGE_BYTES } from './operations.js';
import { long, rounds } from './random.js';

const KILLS_EACH = long ? 1000 : 100;
/** A file is written on to through this many kills, so that it does not become large. */
const KILLS_A_FILE = 10;

it.concurrent.each<Durability>(['always', 'os'])(
  `${KILLS_EACH} kills, durability %s`,
  { timeout: long ? 7_200_000 : 900_000 },
  async (durability) => {
    await using program = await BundledProgram.of('append');
    const home = await mkdtemp(join(tmpdir(), 'stream-file-'));
    const path = join(home, 'stream.bin');
    let operations = 0;
    let kept = 0;
    await rounds(KILLS_EACH, 'killed.test.ts', async (random, round) => {
      if (round % KILLS_A_FILE === 0) {
        for (const side of ['.bin', '.bin.pages', '.bin.journal', '.db'])
          await rm(path.replace('.bin', side), { recursive: true, force: true });
        operations = 0;
      }
      const child = program.start([], path, durability, String(operations));
      let printed = '';
      child.stdout?.setEncoding('utf8').on('data', (part: string) => {
        printed += part;
      });
      const ended = once(child, 'close');
      // At times while it starts, and so recovers, or creates the file.
      if (random.chance(0.8)) await Promise.race([once(child.stdout!, 'data'), ended]);
      await sleep(random.integer(0, 30));
      child.kill('SIGKILL');
      const [code] = (await ended) as [number | null];
      expect(code, 'the program ended by itself').toBeNull();

      const acknowledged = Number(printed.split('\n').at(-2) ?? operations - 1) + 1;
      operations = await wholeOperations(path, operations, acknowledged);
      kept += acknowledged > 0 ? 1 : 0;
      return undefined;
    });
    await rm(home, { recursive: true });
    expect(kept).toBeGreaterThan(0);
  },
);

/**
 * Compares the whole file; returns how many operations it holds, which are at least `atLeast`. Of those from `from` up to
 * there, which the killed program has acknowledged, each is known to the journal.
 */
async function wholeOperations(path: string, from: number, atLeast: number): Promise<number> {
  const file = await StreamFile.open(path, { pageBytes: PAGE_BYTES }).catch((error: unknown) => {
    if ((error as { code?: unknown }).code === 'not-found' && atLeast === 0) return undefined;
    throw error;
  });
  if (!file) return 0;
  try {
    const found = await readAll(file);
    const parts: Uint8Array[] = [];
    let operation = 0;
    let length = 0;
    const total = Number(file.header.totalEntries);
    for (let entries = 0; entries < total; operation++) {
      if (file.getBookmark(bookmarkOf(operation)) !== BigInt(entries))
        throw new Error(`the bookmark of operation ${operation} is not at entry ${entries}`);
      const firstEntry = BigInt(entries);
      for (const { type, data } of operationItems(operation)) {
        parts.push(entryBytes(type, entries++, data));
        length += parts.at(-1)!.length;
      }
      if (operation < from || operation >= atLeast) continue;
      const known = { firstEntry, nextEntry: BigInt(entries), crc32: expect.any(Number) as number };
      expect(file.operationAt(firstEntry)).toMatchObject(known);
    }
    expect(found.length, 'an operation is there in part').toBe(length);
    expect(Buffer.compare(Buffer.concat(parts), found)).toBe(0);
    expect(operation).toBeGreaterThanOrEqual(atLeast);
    return operation;
  } finally {
    await file.close();
  }
}
