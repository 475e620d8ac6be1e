// Goal: a stream file has one writer. A second one, in this process or another, is refused at once and told who the first
// one is; a writer that was killed stands in nobody's way.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { planRepair, StreamFile, verify } from '../src/index.js';
import { bytes, commit, identity, temporaryFolders } from './bytes.js';

const canFlock = process.platform === 'linux' && spawnSync('flock', ['--version']).status === 0;

const packageFolder = fileURLToPath(new URL('..', import.meta.url));

/** A program that takes the lock of a bookmark folder as a stream file's writer does, says so, and never lets go. */
const program = `
  import { writeFileSync } from 'node:fs';
  import { ClassicLevel } from 'classic-level';
  const [path] = process.argv.slice(-1);
  const folder = path.replace('.bin', '.db');
  await new ClassicLevel(folder).open();
  const holder = { pid: process.pid, host: 'elsewhere', program: 'holder', since: 'now', file: 'stream.bin' };
  writeFileSync(folder + '.holder', JSON.stringify(holder));
  console.log('ready');
  setInterval(() => {}, 1000);
`;

describe('a stream file that is open', () => {
  const folder = temporaryFolders();
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  async function holdInAnotherProcess(path: string): Promise<ChildProcess> {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, path], {
      cwd: packageFolder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    await once(child.stdout, 'data');
    return child;
  }

  it('is refused to a second writer in the same process, which is named', async () => {
    const path = join(await folder(), 'stream.bin');
    await using file = await StreamFile.open(path, { create: identity });
    const started = performance.now();
    await expect(StreamFile.open(path)).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(`${path} is open for writing: process ${process.pid} on `) as string,
    });
    expect(performance.now() - started).toBeLessThan(2000);
    // The one that was there first is none the worse for it.
    await commit(file, [1, bytes('01')]);
  });

  it('is refused to a second writer in another process, which is named', async () => {
    const path = join(await folder(), 'stream.bin');
    await (await StreamFile.open(path, { create: identity })).close();
    const holder = await holdInAnotherProcess(path);
    await expect(StreamFile.open(path)).rejects.toMatchObject({
      code: 'locked',
      message: `${path} is open for writing: process ${holder.pid} on elsewhere (holder), since now`,
    });
  });

  it('is free as soon as its holder was killed', async () => {
    const path = join(await folder(), 'stream.bin');
    await (await StreamFile.open(path, { create: identity })).close();
    const holder = await holdInAnotherProcess(path);
    const ended = once(holder, 'exit');
    holder.kill('SIGKILL');
    await ended;
    await using file = await StreamFile.open(path);
    await commit(file, [1, bytes('01')]);
    await expect(StreamFile.open(path)).rejects.toThrow(`process ${process.pid} on `);
  });

  // The reference's lock, taken by a command of util-linux, whose child has it as long as it lives.
  it.runIf(canFlock)('is refused while the Go reference has it, and nothing of it is touched', async () => {
    const home = await folder();
    const path = join(home, 'stream.bin');
    await (await StreamFile.open(path, { create: identity })).close();
    const index = join(home, 'stream.db');
    const before = await readdir(index);
    const reference = spawn('flock', ['--no-fork', join(index, 'LOCK'), 'sh', '-c', 'echo; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(reference);
    await once(reference.stdout, 'data');
    await expect(StreamFile.open(path)).rejects.toMatchObject({
      code: 'locked',
      message: `${path} is in use: another process has ${index} open`,
    });
    expect(await verify(path)).toMatchObject({ index: 'in use', problems: [] });
    expect(await readdir(index)).toEqual(before);

    const ended = once(reference, 'exit');
    reference.kill('SIGKILL');
    await ended;
    await (await StreamFile.open(path)).close();
  });

  it('is refused also when nothing can be read of who holds it, or what can be read is of a dead process', async () => {
    const home = await folder();
    const path = join(home, 'stream.bin');
    await using _file = await StreamFile.open(path, { create: identity });
    const holderPath = join(home, 'stream.db.holder');
    const holder = JSON.parse(await readFile(holderPath, 'utf8')) as object;
    const died = spawn(process.execPath, ['-e', '']);
    await once(died, 'exit');
    for (const text of ['not JSON', JSON.stringify({ ...holder, pid: died.pid })]) {
      await writeFile(holderPath, text);
      await expect(StreamFile.open(path)).rejects.toMatchObject({
        code: 'locked',
        message: `${path} is in use: another process has ${join(home, 'stream.db')} open`,
      });
    }
  });

  it('is free after it was closed, and after an open that failed', async () => {
    const path = join(await folder(), 'stream.bin');
    await (await StreamFile.open(path, { create: identity })).close();
    await expect(StreamFile.open(path, { create: { ...identity, version: 9 } })).rejects.toThrow('version');
    await writeFile(join(await folder(), 'other.bin'), 'no stream file');
    await (await StreamFile.open(path)).close();
  });

  it('answers nothing any more once it is closed', async () => {
    const path = join(await folder(), 'stream.bin');
    const file = await StreamFile.open(path, { create: identity });
    await commit(file, 'key', [1, bytes('01')]);
    const closing = file.close();
    expect(file.close()).toBe(closing);
    await closing;
    const closed = expect.objectContaining({ code: 'closed' }) as unknown;
    expect(() => file.read(4096, 10)).toThrow(closed);
    expect(() => file.getBookmark(bytes('01'))).toThrow(closed);
    expect(() => {
      file.startAtomicOp();
    }).toThrow(closed);
    for (const call of [file.getEntry(0n), file.offsetOf(0n), file.truncateFile(0n), file.raiseEpoch(1n)]) {
      await expect(call).rejects.toEqual(closed);
    }
  });

  it('keeps bookmarks and holder beside it, in folders of any name', async () => {
    const home = join(await folder(), 'v1.2.chain', 'no dots');
    await mkdir(home, { recursive: true });
    await using file = await StreamFile.open(join(home, 'stream'), { create: identity });
    await commit(file, 'key');
    await using other = await StreamFile.open(join(home, '..', 'stream.old.bin'), { create: identity });
    await commit(other, 'key');
  });
});

describe('a file whose name differs from that of another one in its extension alone', () => {
  const folder = temporaryFolders();
  const key = bytes('6b');

  async function withBookmark(path: string): Promise<void> {
    await using file = await StreamFile.open(path, { create: identity });
    file.startAtomicOp();
    file.addStreamBookmark(key);
    await file.commitAtomicOp();
  }

  it('is refused, as their bookmarks would share a folder, and the other one keeps its own', async () => {
    const home = await folder();
    const [first, second] = [join(home, 's.bin'), join(home, 's.dat')];
    await withBookmark(first);
    const refusal = { code: 'identity-mismatch', message: expect.stringContaining(first) as string };
    await expect(StreamFile.open(second, { create: identity })).rejects.toMatchObject(refusal);
    await expect(access(second)).rejects.toThrow('ENOENT');
    await expect(StreamFile.remove(second)).rejects.toMatchObject(refusal);
    await using file = await StreamFile.open(first);
    expect(file.getBookmark(key)).toBe(0n);
  });

  it('is removed with all that stands beside it, leftovers of a crash too', async () => {
    const home = await folder();
    const path = join(home, 's.bin');
    await withBookmark(path);
    for (const left of ['.new', '.update', '.update.new']) await writeFile(path + left, '');
    await StreamFile.remove(path);
    expect(await readdir(home)).toEqual([]);
  });

  it('is told which file has the folder, and who has that, while the other one is open', async () => {
    const home = await folder();
    const [first, second] = [join(home, 's.bin'), join(home, 's.dat')];
    await using _file = await StreamFile.open(first, { create: identity });
    await expect(StreamFile.open(second, { create: identity })).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(
        `${second} shares ${join(home, 's.db')} with ${first}, which is open for writing: process ${process.pid} on `,
      ) as string,
    });
  });

  it('is found to have no bookmarks of its own, whether the other one is open or not, and cannot be repaired', async () => {
    const home = await folder();
    const [first, second] = [join(home, 's.bin'), join(home, 's.dat')];
    await withBookmark(first);
    // Every bookmark fits.
    await copyFile(first, second);
    const problem = {
      kind: 'bookmark',
      file: join(home, 's.db'),
      message: `it has the bookmarks of ${first}: this file cannot be opened until one of both has a name that differs in more than its extension`,
    };
    const report = await verify(second);
    expect(report).toMatchObject({ index: 'of another file', problems: [problem] });
    expect(planRepair(report)).toEqual({ steps: [], obstacle: 'shared-index' });
    expect(await verify(first)).toMatchObject({ index: 'checked', problems: [] });
    await using _file = await StreamFile.open(first);
    expect(await verify(second)).toMatchObject({ index: 'of another file', problems: [problem] });
  });

  it('gets the folder when the other one is gone, with its own bookmarks', async () => {
    const home = await folder();
    const [first, second] = [join(home, 's.bin'), join(home, 's.dat')];
    await withBookmark(first);
    await rm(first);
    await using file = await StreamFile.open(second, { create: identity });
    expect(file.getBookmark(key)).toBeUndefined();
    file.startAtomicOp();
    file.addStreamEntry(1, bytes('00'));
    file.addStreamBookmark(key);
    await file.commitAtomicOp();
    expect(file.getBookmark(key)).toBe(1n);
  });
});
