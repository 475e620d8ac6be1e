// Goal: whatever is wrong with a file is said, all of it, with the place and the entries; and what is in order is not
// complained about. Method: files of every kind, then single bytes changed where the format says what they are.
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { encodeHeader } from '@ds/codec';
import { overwrite } from '@ds/test-kit';
import { planRepair, repair, StreamFile, verify, type StreamFileProblem } from '../src/index.js';
import { viewOf } from '../src/journal/checksums.js';
import { writeRecord } from '../src/journal/journal-format.js';
import { ascii, bytes, commit, concat, entryBytes, identity, temporaryFolders } from './bytes.js';

const folder = temporaryFolders();
const PAGE = 1 << 20;
/** An entry of these data fills a quarter of a page, but for what stays free at its end. */
const QUARTER = 260_000;

/** Two full pages of four entries each, and a third one with two: a bookmark before each entry of data. */
async function makeFile(): Promise<string> {
  const path = join(await folder(), 'stream.bin');
  await using file = await StreamFile.open(path, { create: identity });
  for (let n = 0; n < 10; n++) await commit(file, `key ${n}`, [7, new Uint8Array(QUARTER).fill(n + 1)]);
  return path;
}

async function problemsOf(path: string): Promise<readonly StreamFileProblem[]> {
  return (await verify(path)).problems;
}

describe('A file in order', () => {
  it('has no problems: closed, open, empty', async () => {
    const path = await makeFile();
    expect(await verify(path)).toMatchObject({
      identity,
      state: 'clean',
      committed: { entries: 20 },
      bookmarks: 10,
      fullPages: 2,
      checkedPages: 2,
      index: 'checked',
      problems: [],
      isDamagedInside: false,
    });
    await using file = await StreamFile.open(path);
    expect(await verify(path)).toMatchObject({ state: 'open', index: 'in use', problems: [] });
    await file.truncateFile(0n);
    expect(await problemsOf(path)).toEqual([]);
  });

  it('has none while it is written to, cut and updated', async () => {
    const path = await makeFile();
    await using file = await StreamFile.open(path, { durability: 'os' });
    const progress = { isDone: false, rounds: 0 };
    const writing = (async () => {
      for (let n = 0; n < 60 || (progress.rounds < 2 && n < 6000); n++) {
        await commit(file, `more ${n % 7}`, [7, new Uint8Array(5000).fill(n)]);
        if (n % 20 === 10) await file.updateEntryData(1n, 7, new Uint8Array(QUARTER).fill(n));
      }
      progress.isDone = true;
    })();
    do {
      expect(await problemsOf(path)).toEqual([]);
      progress.rounds++;
    } while (!progress.isDone);
    await writing;
    expect(progress.rounds).toBeGreaterThan(1);
  });

  it('has none while an update is under way, however long that takes', async () => {
    const path = await makeFile();
    await using _file = await StreamFile.open(path);
    const whole = await readFile(path);
    // In the middle the entry is another one already, and directory and journal have the checksums of the old one.
    const at = 4096 + 60;
    await writeFile(`${path}.update`, '');
    await overwrite(path, at, whole[at]! ^ 1);
    const problems = problemsOf(path);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await overwrite(path, at, whole[at]!);
    await rm(`${path}.update`);
    expect(await problems).toEqual([]);
  });

  it('has none when the Go reference wrote it, but for what that leaves behind its end', async () => {
    const path = join(await folder(), 'stream.bin');
    const entries = concat([entryBytes(0xb0, 0, ascii('one')), entryBytes(7, 1, bytes('aabbcc'))]);
    const end = 4096 + entries.length;
    const header = encodeHeader({ ...identity, totalLength: BigInt(end), totalEntries: 2n });
    await writeFile(path, concat([ascii('polygonDATSTREAM'), header]));
    await overwrite(path, 4096, ...entries);
    await truncate(path, 4096 + PAGE);
    expect(await verify(path)).toMatchObject({ state: 'foreign', index: 'missing', problems: [] });
    await overwrite(path, end, 2);
    expect(await problemsOf(path)).toMatchObject([{ kind: 'tail', file: path, offset: end }]);
  });
});

describe('Damage', () => {
  const firstEntry = 4096 + 17 + 5;

  it.each([
    ['in data', [[firstEntry + 500, 0xff]], [{ kind: 'data', offset: 4096, firstEntry: 0, lastEntry: 1 }]],
    ['in a head', [[firstEntry, 9]], [{ kind: 'data', offset: 4096 }]],
    ['in padding', [[4096 + PAGE - 1, 1]], [{ kind: 'padding', offset: 4096 + PAGE - 1 }]],
    ['in a commit slot', [[1030, 0xee]], [{ kind: 'slot', offset: 1024 }]],
    ['in the identity', [[30, 0xee]], [{ kind: 'identity', offset: 16 }]],
    [
      'in many places',
      [
        [firstEntry + 500, 0xff],
        [4096 + PAGE - 1, 1],
        [4096 + PAGE + 600_000, 0xff],
        [1030, 0xee],
      ],
      [
        { kind: 'slot' },
        { kind: 'data', offset: 4096 },
        { kind: 'padding' },
        { kind: 'data', firstEntry: 12, lastEntry: 13 },
      ],
    ],
  ] as const)('%s is found, and nothing else', async (_where, changes, found) => {
    const path = await makeFile();
    for (const [at, byte] of changes) await overwrite(path, at, byte);
    const { problems } = await verify(path);
    expect(problems).toMatchObject(found.map((problem) => ({ file: path, ...problem })));
  });

  it('in pages that no directory knows is found by heads and numbers, and what can be read behind it is told', async () => {
    const path = await makeFile();
    await rm(`${path}.pages`);
    await overwrite(path, firstEntry, 9);
    await overwrite(path, 4096 + PAGE + 10, 1);
    expect(await verify(path)).toMatchObject({
      problems: [
        { kind: 'entry', offset: firstEntry, firstEntry: 1, lastEntry: 1 },
        { kind: 'entry', offset: 4096 + PAGE, firstEntry: 9 },
      ],
      whole: { length: firstEntry, entries: 1 },
      isDamagedInside: true,
    });
  });

  it('in data of pages that no directory knows is found by the checksums of operations', async () => {
    const path = await makeFile();
    await rm(`${path}.pages`);
    expect(await verify(path)).toMatchObject({ checkedPages: 0, checkedOperations: 10, problems: [] });
    // The fifth operation's bookmark still has room in the first page; its entry has not.
    const start = 4096 + 4 * (17 + 5 + 17 + QUARTER);
    await overwrite(path, 4096 + PAGE + QUARTER, 0xff);
    expect(await verify(path)).toMatchObject({
      checkedOperations: 10,
      problems: [{ kind: 'data', file: path, offset: start, firstEntry: 8, lastEntry: 9 }],
      whole: { length: start, entries: 8 },
      isDamagedInside: true,
    });
  });

  it.each([
    ['in a record', 32 * 4 + 9, { offset: 32 * 4 }],
    ['in the header', 10, { offset: 0 }],
  ])('of the journal is found: %s', async (_where, at, found) => {
    const path = await makeFile();
    const { checkedOperations } = await verify(path);
    await overwrite(`${path}.journal`, at, 0xee);
    const report = await verify(path);
    expect(report.problems).toMatchObject([{ kind: 'journal', file: `${path}.journal`, ...found }]);
    expect(report.checkedOperations).toBeLessThan(checkedOperations);
    await repair(path, planRepair(report).steps);
    expect(await problemsOf(path)).toEqual([]);
  });

  it('of the journal is found: a record that does not fit the stream', async () => {
    const path = await makeFile();
    const record = new Uint8Array(32);
    writeRecord(viewOf(record), 0, { entries: 8, length: 4096 + 700_000 }, 1, 2);
    await overwrite(`${path}.journal`, 32 * 4, ...record);
    const report = await verify(path);
    expect(report.problems).toMatchObject([
      { kind: 'journal', file: `${path}.journal`, offset: 32 * 4, firstEntry: 6, lastEntry: 7 },
    ]);
    await repair(path, planRepair(report).steps);
    expect(await problemsOf(path)).toEqual([]);
  });

  it('at the very end is told from damage inside', async () => {
    const path = await makeFile();
    const { committed } = await verify(path);
    await overwrite(path, committed.length - QUARTER - 17, 9);
    expect(await verify(path)).toMatchObject({
      problems: [{ kind: 'entry', firstEntry: 19, lastEntry: 19 }],
      whole: { entries: 19 },
      isDamagedInside: false,
    });
  });

  it('of a file that was cut short from outside is found', async () => {
    const path = await makeFile();
    await truncate(path, 4096 + PAGE + 100);
    const { problems, whole } = await verify(path);
    expect(problems.map(({ kind }) => kind)).toEqual(['size', 'entry']);
    expect(problems[1]).toMatchObject({ firstEntry: 9, lastEntry: 19 });
    expect(whole.entries).toBe(9);
  });

  it('of the size, the page directory and the byte behind the end is found', async () => {
    const path = await makeFile();
    const { committed } = await verify(path);
    await truncate(path, 4096 + 100 * PAGE - 5);
    await overwrite(path, committed.length, 2);
    await overwrite(`${path}.pages`, 1024 + 30, 0xee);
    expect(await problemsOf(path)).toMatchObject([
      { kind: 'size' },
      { kind: 'directory', file: `${path}.pages` },
      { kind: 'tail', offset: committed.length },
    ]);
  });

  it('of the bookmark index is found: wrong, missing, and too many', async () => {
    const path = await makeFile();
    const index = path.replace('.bin', '.db');
    const db = new ClassicLevel<Uint8Array, Uint8Array>(index, {
      keyEncoding: 'view',
      valueEncoding: 'view',
    });
    await db.put(ascii('key 3'), bytes('0000000000000002'));
    await db.put(ascii('key 4'), bytes('0000000000000013'));
    await db.del(ascii('key 5'));
    await db.close();
    expect(await problemsOf(path)).toMatchObject([
      { kind: 'bookmark', file: index, firstEntry: 6 },
      { kind: 'bookmark', firstEntry: 10 },
      { kind: 'bookmark', firstEntry: 19 },
    ]);
    const again = await makeFile();
    const other = new ClassicLevel<Uint8Array, Uint8Array>(again.replace('.bin', '.db'), {
      keyEncoding: 'view',
      valueEncoding: 'view',
    });
    await other.put(ascii('nobody'), bytes('0000000000000002'));
    await other.close();
    expect(await problemsOf(again)).toMatchObject([{ kind: 'bookmark' }]);
  });

  it('is reported, not mended: the file stays what it was', async () => {
    const path = await makeFile();
    await overwrite(path, firstEntry + 500, 0xff);
    const before = await readFile(path);
    await verify(path);
    expect((await readFile(path)).equals(before)).toBe(true);
  });
});

describe('A verification', () => {
  it('tells how far it is, and ends when it is told to', async () => {
    const path = await makeFile();
    const steps: number[] = [];
    await verify(path, { onProgress: (_step, done) => steps.push(done) });
    expect(steps).toHaveLength(3);
    await expect(verify(path, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });
});
