/** Goal: `inspect`, `verify`, `export` and `copy` tell what is in a file, also one in use, and change nothing. */

import { existsSync } from 'node:fs';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { startProgram, temporaryFolder } from '@ds/app-kit/testing';
import { StreamFile, StreamFileReader, verify } from '@ds/stream-file';
import { overwrite } from '@ds/test-kit';
import {
  commit,
  entriesIn,
  exported,
  FIRST_DATA_AT,
  identity,
  key,
  makeFile,
  makeForeignFile,
  out,
  PAGE_BYTES,
  run,
  toolPath,
} from './support/stream.js';

const serverPath = fileURLToPath(import.meta.resolve('ds-server/package.json')).replace(
  'package.json',
  'bin/ds-server',
);

describe('inspect', () => {
  it('says what a file is', async () => {
    await using folder = await temporaryFolder();
    const text = await out('inspect', await makeFile(folder.path('s.bin')), '--types');
    for (const line of [
      /^system id +137$/m,
      /^entries +20$/m,
      /^state +closed$/m,
      /^operations +10, the last one committed at 20.*Z$/m,
      /^bookmarks +10$/m,
      /^type 1 +4 entries$/m,
      /^commit \d+ +20 entries, .* closed$/m,
    ])
      expect(text).toMatch(line);
  });

  it('says when it was committed, also where no date goes that far', async () => {
    await using folder = await temporaryFolder();
    const path = folder.path('s.bin');
    const file = await StreamFile.open(path, { create: identity });
    file.startAtomicOp();
    file.addStreamEntry(1, new Uint8Array(1));
    // Nanoseconds, where milliseconds are asked for.
    await file.commitAtomicOp(1_700_000_000_000_000_000n);
    await file.close();
    expect(await out('inspect', path)).toMatch(
      /the last one committed at 1700000000000000000 ms since 1970$/m,
    );
  });

  it('says so as JSON', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    const answer = JSON.parse(await out('inspect', path, '--json', '--types')) as Record<string, unknown>;
    expect(answer).toMatchObject({
      file: path,
      identity: { systemId: '137', streamType: '1', version: 3 },
      state: 'clean',
      committed: { entries: 20 },
      epoch: '0',
      bookmarks: 10,
      types: { 1: 4, 2: 3, 3: 3, 176: 10 },
    });
    expect(answer['usedBytes']).toBeLessThan(answer['size'] as number);
  });

  it('names the server that has it open, and after a crash says that nobody has', async () => {
    await using folder = await temporaryFolder();
    const path = folder.path('s.bin');
    await using server = startProgram(serverPath, ['--file', path, '--port', '0', '--source-port', '0']);
    await server.ready();
    expect(await out('inspect', path)).toContain(`in use by process ${server.child.pid} `);
    await server.stop('SIGKILL');
    expect(await out('inspect', path)).toContain('not closed, and nobody has it');
  });

  it('knows a file of the Go reference', async () => {
    await using folder = await temporaryFolder();
    const path = await makeForeignFile(folder.path('s.bin'), 6);
    const text = await out('inspect', path);
    expect(text).toMatch(/^entries +6$/m);
    expect(text).toContain('written by another program');
    expect(existsSync(folder.path('s.db'))).toBe(false);
  });

  it.each([
    ['s.bin', undefined, 'no such file'],
    ['notes.txt', 'no stream\n'.repeat(1000), 'no stream file'],
    ['short.bin', 'short', 'too few'],
  ])('ends with 1 where there is no stream file: %s', async (name, content, reason) => {
    await using folder = await temporaryFolder();
    const path = folder.path(name);
    if (content !== undefined) await writeFile(path, content);
    for (const command of ['inspect', 'verify', 'export', 'repair', 'rebuild-index']) {
      const { status, err } = await run([command, path]);
      expect(status).toBe(1);
      expect(err).toContain(reason);
    }
    expect(existsSync(folder.path('s.db'))).toBe(false);
  });
});

describe('verify', () => {
  it('ends with 0 where nothing is wrong: ours, empty, foreign, in use', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('a.bin'));
    expect(await out('verify', path)).toMatch(
      /^20 entries .*2 of 2 full pages and 10 operations; bookmark index checked\nno problems\n$/,
    );
    expect(await out('verify', await makeFile(folder.path('b.bin'), 0))).toMatch(/^0 entries/);
    expect(await out('verify', await makeForeignFile(folder.path('c.bin'), 6))).toMatch(/^6 entries/);
    await using _file = await StreamFile.open(path);
    expect(await out('verify', path)).toContain('bookmark index in use');
  });

  it.each([
    ['data', '', FIRST_DATA_AT + 500, 'offset 4096 (entries 0 to 1)'],
    ['a head', '', FIRST_DATA_AT, 'offset 4096 (entries 0 to 1)'],
    ['padding', '', 4096 + PAGE_BYTES - 3, `offset ${4096 + PAGE_BYTES - 3}: the padding is not zero`],
    ['the header', '', 30, 'offset 16: the header entry'],
    ['a commit slot', '', 1030, 'offset 1024: the commit slot'],
    [
      'the operation journal',
      '.journal',
      32 * 3 + 5,
      '.journal at offset 96: the record is not what was written',
    ],
    ['the page directory', '.pages', 1034, '.pages: the row of the page at offset 4096'],
  ])('lists a changed byte in %s, and ends with 1', async (_where, suffix, at, text) => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    await overwrite(`${path}${suffix}`, at, 0xee);
    const ended = await run(['verify', path]);
    expect(ended.status).toBe(1);
    expect(ended.out).toContain(text);
    expect(ended.out).toContain('\n1 problem\n');
    expect(ended.err).toBe(`ds-stream: ${path}: 1 problem found; see what ds-stream repair can do\n`);
    const json = await run(['verify', path, '--json']);
    expect(json.status).toBe(1);
    expect((JSON.parse(json.out) as { problems: unknown[] }).problems).toHaveLength(1);
  });
});

describe('export', () => {
  it('writes the operations that were committed, from an entry to another', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'), 3, 2);
    expect(await out('export', path, '--from', '1', '--to', '4')).toBe(
      '{"entries":[{"type":1,"data":"0x0101"}]}\n' +
        '{"entries":[{"bookmark":"0x00000001"},{"type":2,"data":"0x0202"}]}\n' +
        '{"entries":[{"bookmark":"0x00000002"}]}\n',
    );
  });

  it('writes operations of so many entries where they are not known', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'), 3, 2);
    await rm(`${path}.journal`);
    expect(await out('export', path, '--from', '1', '--to', '4', '--entries-per-operation', '3')).toBe(
      '{"entries":[{"type":1,"data":"0x0101"},{"bookmark":"0x00000001"},{"type":2,"data":"0x0202"}]}\n' +
        '{"entries":[{"bookmark":"0x00000002"}]}\n',
    );
    expect(await out('export', path, '--from', '6')).toBe('');
  });

  it('ends a line early where entries are large', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'), 10, 1_000_000);
    await rm(`${path}.journal`);
    const lines = (await exported(path)).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { entries: unknown[] }).entries.length)).toEqual([18, 2]);
  });

  it('says what is not there, and stops at damage', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    expect(await run(['export', path, '--to', '20'])).toMatchObject({
      status: 1,
      err: `ds-stream: ${path} has no entry 20: it has 20 entries\n`,
    });
    await overwrite(path, FIRST_DATA_AT + 500, 0xee);
    const { status, err } = await run(['export', path]);
    expect(status).toBe(1);
    expect(err).toContain('entries 0 to 1, are not those that were written');
  });
});

describe('copy', () => {
  it('makes the same stream, without the room set aside', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    {
      await using file = await StreamFile.open(path);
      await file.raiseEpoch(77n);
    }
    const copy = folder.path('copy.bin');
    expect(await out('copy', path, copy)).toContain('20 entries');
    expect(await exported(copy)).toBe(await exported(path));
    await using original = await StreamFileReader.open(path);
    await using copied = await StreamFileReader.open(copy);
    for (let entry = 0n; entry < 20n; entry++)
      expect(await copied.operationAt(entry)).toEqual(await original.operationAt(entry));
    expect((await copied.operationAt(3n))?.commitTimeMs).toBeDefined();
    expect((await stat(copy)).size).toBe(4096 + 3 * PAGE_BYTES);
    expect(await verify(copy)).toMatchObject({ state: 'clean', index: 'checked', problems: [] });
    await using file = await StreamFile.open(copy, { create: identity });
    expect(file.epoch).toBe(77n);
    expect(file.getBookmark(key(3))).toBe(6n);
    await commit(file, 100, 900_000);
    await commit(file, 101, 900_000);
    expect(file.header.totalEntries).toBe(24n);
  });

  it.each([0, 1])('copies a file of %s operations, and of the Go reference', async (operations) => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'), operations);
    await out('copy', path, folder.path('copy.bin'));
    expect(await exported(folder.path('copy.bin'))).toBe(await exported(path));
    const foreign = await makeForeignFile(folder.path('go.bin'), 6);
    await out('copy', foreign, folder.path('ours.bin'));
    expect(await exported(folder.path('ours.bin'))).toBe(await exported(foreign));
  });

  it('never touches a file that is there, and leaves nothing behind when the source is damaged', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    const other = await makeFile(folder.path('other.bin'), 1);
    const before = await readFile(other);
    const { status, err } = await run(['copy', path, other]);
    expect({ status, err }).toEqual({
      status: 1,
      err: `ds-stream: ${other} is there already: name another one, or remove it\n`,
    });
    expect((await readFile(other)).equals(before)).toBe(true);
    await overwrite(path, FIRST_DATA_AT + 500, 0xee);
    expect((await run(['copy', path, folder.path('copy.bin')])).status).toBe(1);
    for (const name of ['copy.bin', 'copy.bin.copying.bin', 'copy.bin.copying.db', 'copy.db'])
      expect(existsSync(folder.path(name)), name).toBe(false);
  });
});

describe('a command that is stopped', () => {
  it('ends with 1, and leaves no half of a copy', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'), 60, 1_000_000);
    await using program = startProgram(toolPath, ['copy', path, folder.path('copy.bin')]);
    while (!existsSync(folder.path('copy.bin.copying.bin')))
      await new Promise((resolve) => setTimeout(resolve, 2));
    const { status, err } = await program.stop('SIGTERM');
    expect(status).toBe(1);
    expect(err).toContain('ds-stream: stopped before it was done');
    for (const name of ['copy.bin', 'copy.bin.copying.bin', 'copy.bin.copying.db', 'copy.db'])
      expect(existsSync(folder.path(name)), name).toBe(false);
  });

  it('ends with 0 when its reader has seen enough', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'), 60, 1_000_000);
    await using program = startProgram(toolPath, ['export', path]);
    await program.writes('out', /entries/);
    program.child.stdout.destroy();
    expect(await program.ended()).toMatchObject({ status: 0, err: '' });
  });
});

describe('a file that is being written to', () => {
  it('is inspected, verified, exported and copied, each as it was committed at a moment', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'), 4);
    await using file = await StreamFile.open(path, { durability: 'os' });
    const state = { isDone: false };
    const writing = (async () => {
      for (let n = 4; !state.isDone; n++) {
        await commit(file, n, 3000);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    try {
      for (let round = 0; round < 3; round++) {
        const copy = folder.path(`copy-${round}.bin`);
        await Promise.all([out('inspect', path), out('verify', path), out('copy', path, copy)]);
        const copied = await exported(copy);
        const entries = entriesIn(copied);
        expect(entries.length % 2).toBe(0);
        expect(await out('export', path, '--to', String(entries.length - 1))).toBe(copied);
      }
    } finally {
      state.isDone = true;
      await writing;
    }
    expect(file.header.totalEntries).toBeGreaterThan(20n);
  });
});
