// Goal: rot is detected, by a typed error that names the file, or it is harmless; it is never served as data.
// Method: one bit of one file is flipped at a time, and every question asked that can be asked: see bit-flips.ts.
import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { StreamFile } from '../src/index.js';
import { answers, expectTyped, PAGE_BYTES, tryFlips } from './bit-flips.js';
import { identity, temporaryFolders } from './bytes.js';
import { addAll } from './comparison.js';
import { BOOKMARK, keys, Model, randomItems } from './model.js';
import { long, rounds } from './random.js';

const FLIPS = long ? 200_000 : 12_000;
const INDEX_FLIPS = long ? 5000 : 300;

const folder = temporaryFolders();

async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    await (entry.isDirectory() ? copyFolder(source, target) : copyFile(source, target));
  }
}

it(
  `${FLIPS} flips in a stream, its page directory and an update that is written down`,
  { timeout: 600_000 },
  async () => {
    const perRound = 1000;
    const outcomes = { detected: 0, harmless: 0 };
    await rounds(FLIPS / perRound, 'bit-flips.test.ts', async (random) => {
      const { detected, harmless } = await tryFlips(random, perRound);
      outcomes.detected += detected;
      outcomes.harmless += harmless;
      return undefined;
    });
    // Much of the files is free room, and much of the rest is kept twice.
    expect(outcomes.detected).toBeGreaterThan(outcomes.harmless / 10);
  },
);

it(`${INDEX_FLIPS} flips in the bookmark index`, { timeout: 600_000 }, async () => {
  await rounds(1, 'bit-flips.test.ts', async (random) => {
    const home = await folder();
    const written = join(home, 'written');
    const original = join(home, 'original');
    const open = (path: string): Promise<StreamFile> =>
      StreamFile.open(join(path, 'stream.bin'), { create: identity, pageBytes: PAGE_BYTES, cachePages: 0 });
    let model = new Model(PAGE_BYTES);
    // Opened again and again, and left as by a crash, so that there are a log and tables.
    for (let life = 1; life <= 3; life++) {
      await using file = await open(written);
      for (let operation = 0; operation < 4; operation++) {
        const items = [...randomItems(random, PAGE_BYTES), { type: BOOKMARK, data: random.pick(keys) }];
        model = model.append(items);
        file.startAtomicOp();
        addAll(file, items);
        await file.commitAtomicOp();
      }
      if (life === 3) await copyFolder(written, original);
    }
    const names: string[] = [];
    for (const name of await readdir(join(original, 'stream.db'))) {
      const { size } = await stat(join(original, 'stream.db', name));
      if (size > 0 && !name.startsWith('LO')) names.push(name);
    }
    expect(names).toContainEqual(expect.stringMatching(/\.log$/));
    expect(names).toContainEqual(expect.stringMatching(/\.ldb$/));
    const copy = join(home, 'copy');
    for (let flip = 0; flip < INDEX_FLIPS; flip++) {
      await copyFolder(original, copy);
      const name = join(copy, 'stream.db', random.pick(names));
      const content = await readFile(name);
      const bit = random.integer(0, content.length * 8 - 1);
      content[bit >> 3]! ^= 1 << (bit & 7);
      await writeFile(name, content);
      const where = `bit ${bit & 7} of byte ${bit >> 3} of ${name} is flipped`;
      const file = await open(copy).catch((error: unknown) => expectTyped(error, copy, where));
      if (file instanceof StreamFile) {
        expect(await answers(file, model, where), where).toMatch(/detected|harmless/);
        await file.close();
      }
      await rm(copy, { recursive: true });
    }
    return undefined;
  });
});
