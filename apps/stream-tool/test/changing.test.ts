/** Goal: `repair`, `truncate`, `rebuild-index` and `import` do what they say, no more, and never to a file in use. */

import { copyFile, rm, truncate as resize, writeFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '@ds/app-kit/testing';
import { encodeEntry } from '@ds/codec';
import { StreamFile, verify } from '@ds/stream-file';
import { overwrite } from '@ds/test-kit';
import {
  entriesIn,
  exported,
  FIRST_DATA_AT,
  identity,
  key,
  makeFile,
  makeForeignFile,
  out,
  PAGE_BYTES,
  QUARTER,
  run,
} from './support/stream.js';

/** What stands beside a file while the entry at `offset` is being overwritten: see docs/file-format.md. */
function pendingUpdate(offset: number, entry: Uint8Array, operationCrc: number): Uint8Array {
  const bytes = Buffer.alloc(24 + entry.length);
  bytes.write('DSUPDATE');
  bytes.writeUInt32BE(offset, 12);
  bytes.writeUInt32BE(operationCrc, 20);
  bytes.set(entry, 24);
  bytes.writeUInt32BE(crc32(bytes.subarray(20), crc32(bytes.subarray(8, 16))), 16);
  return bytes;
}

describe('a file in use', () => {
  it('is refused to everything that would change it, and its holder is named', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    await writeFile(folder.path('ops'), '{"entries":[]}\n');
    await using _file = await StreamFile.open(path);
    for (const args of [
      ['repair', path, '--yes'],
      ['truncate', path, '--to-entry', '4'],
      ['rebuild-index', path],
      ['import', folder.path('ops'), '--into', path],
    ]) {
      const { status, err } = await run(args);
      expect(status, args[0]).toBe(1);
      expect(err, args[0]).toContain(`is open for writing: process ${process.pid} on `);
    }
  });
});

describe('repair', () => {
  it('has nothing to do for a file in order', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    expect(await out('repair', path)).toBe(`${path}: nothing to do\n`);
    expect(await out('repair', path, '--yes')).toBe(`${path}: nothing to do\n`);
  });

  it('changes nothing without --yes', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    await overwrite(path, 4096 + PAGE_BYTES - 3, 1);
    expect(await out('repair', path)).toContain('nothing was changed; do it with --yes');
    expect((await verify(path)).problems).toHaveLength(1);
  });

  it.each([
    ['padding', '', 4096 + PAGE_BYTES - 3, 'zero the padding'],
    ['a commit slot', '', 1030, 'empty the damaged commit slots'],
    ['the page directory', '.pages', 1034, 'make the page directory again'],
  ])('mends a changed byte in %s without a loss', async (_where, suffix, at, text) => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    const before = await exported(path);
    await overwrite(`${path}${suffix}`, at, 0xee);
    expect(await out('repair', path, '--yes')).toContain(text);
    expect(await exported(path)).toBe(before);
    expect(await verify(path)).toMatchObject({ state: 'clean', problems: [] });
  });

  it('recovers what a crash has left, and mends the size', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    const crashed = folder.path('crashed.bin');
    {
      await using _file = await StreamFile.open(path);
      await copyFile(path, crashed);
      await copyFile(`${path}.journal`, `${crashed}.journal`);
    }
    await resize(crashed, 4096 + 100 * PAGE_BYTES - 7);
    expect(await out('repair', crashed, '--yes')).toContain('repaired, 20 entries');
    expect(await verify(crashed)).toMatchObject({ state: 'clean', problems: [], index: 'checked' });
    expect(await exported(crashed)).toBe(await exported(path));
  });

  it('finishes an update that a crash has interrupted, which looks like damage before', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    const crashed = folder.path('crashed.bin');
    {
      await using _file = await StreamFile.open(path);
      await copyFile(path, crashed);
      for (const side of ['.pages', '.journal']) await copyFile(`${path}${side}`, `${crashed}${side}`);
    }
    const bookmark = encodeEntry({ type: 0xb0, number: 0n, data: key(0) });
    const entry = encodeEntry({ type: 1, number: 1n, data: new Uint8Array(QUARTER).fill(99) });
    await overwrite(crashed, FIRST_DATA_AT, ...entry.subarray(0, 1000));
    await writeFile(`${crashed}.update`, pendingUpdate(FIRST_DATA_AT, entry, crc32(entry, crc32(bookmark))));
    expect((await run(['verify', crashed])).status).toBe(1);
    expect(await out('repair', crashed, '--yes')).toContain('repaired, 20 entries');
    await using file = await StreamFile.open(crashed);
    expect((await file.getEntry(1n))?.data).toEqual(new Uint8Array(QUARTER).fill(99));
  });

  it('cuts back to the last whole entry when only damage follows', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    const { committed } = await verify(path);
    await overwrite(path, committed.length - QUARTER - 17, 9);
    const before = await exported(await makeFile(folder.path('same.bin')));
    expect(await out('repair', path, '--yes')).toContain('cut: entry 19 go');
    expect(entriesIn(await exported(path))).toEqual(entriesIn(before).slice(0, 19));
    await using file = await StreamFile.open(path);
    expect(file.getBookmark(key(9))).toBe(18n);
  });

  it('cuts back a file that was cut short from outside', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    await resize(path, 4096 + PAGE_BYTES + 100);
    expect(await out('repair', path, '--yes')).toMatch(
      /cut: entries 9 to 19 go.*\n(.*\n)*.*repaired, 9 entries/,
    );
  });

  it('refuses to cut where something can be read behind the damage, and says what a cut would cost', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    await overwrite(path, 4096 + PAGE_BYTES + 400_000, 0xee);
    const { status, err } = await run(['repair', path, '--yes']);
    expect(status).toBe(1);
    const toEntry = /give up (\d+) entries with ds-stream truncate .* --to-entry (\d+)/.exec(err);
    expect(Number(toEntry?.[1]) + Number(toEntry?.[2])).toBe(20);
    expect(await out('truncate', path, '--to-entry', String(toEntry?.[2]))).toContain('removed');
    expect(await verify(path)).toMatchObject({ problems: [], committed: { entries: Number(toEntry?.[2]) } });
  });

  it('refuses where the identity may be wrong', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    await overwrite(path, 30, 0xee);
    const { status, err } = await run(['repair', path, '--yes']);
    expect(status).toBe(1);
    expect(err).toContain('identity');
  });

  it('takes over a file of the Go reference, and wipes what that left behind its end', async () => {
    await using folder = await temporaryFolder();
    const path = await makeForeignFile(folder.path('s.bin'), 6, Uint8Array.of(2, 0, 0, 0));
    expect(await out('repair', path, '--yes')).toContain('repaired, 6 entries');
    expect(await verify(path)).toMatchObject({ state: 'clean', problems: [], index: 'checked' });
  });
});

describe('truncate', () => {
  it('makes an entry the next one, and first says what would go', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    expect(await out('truncate', path, '--to-entry', '7', '--dry-run')).toBe(
      'would remove entries 7 to 19, 13 entries of 20; nothing was changed\n',
    );
    expect(await verify(path)).toMatchObject({ committed: { entries: 20 } });
    expect(await out('truncate', path, '--to-entry', '7')).toBe(
      'removed entries 7 to 19, 13 entries of 20\n',
    );
    expect(await verify(path)).toMatchObject({ committed: { entries: 7 }, problems: [] });
  });

  it('finds the newest entry with a bookmark', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    const args = ['truncate', path, '--to-bookmark', '0x00000005'];
    expect(await out(...args, '--dry-run')).toContain('would remove entries 10 to 19');
    expect(await out(...args)).toContain('removed entries 10 to 19');
    expect(await run(args)).toMatchObject({
      status: 1,
      err: `ds-stream: ${path} has no bookmark 0x00000005: it has 10 entries\n`,
    });
    expect((await run(['truncate', path, '--to-entry', '10'])).status).toBe(1);
  });

  it('never cuts behind damage that it would keep', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    await rm(`${path}.pages`);
    await overwrite(path, FIRST_DATA_AT, 9);
    const { status, err } = await run(['truncate', path, '--to-entry', '4']);
    expect(status).toBe(1);
    expect(err).toContain('are not entry 1');
  });
});

describe('rebuild-index', () => {
  it('reads the bookmarks again', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'));
    await rm(folder.path('s.db'), { recursive: true });
    expect(await out('rebuild-index', path, '--dry-run')).toContain('nothing was changed');
    expect(await verify(path)).toMatchObject({ index: 'missing' });
    expect(await out('rebuild-index', path)).toContain('read again');
    expect(await verify(path)).toMatchObject({ index: 'checked', bookmarks: 10, problems: [] });
  });
});

describe('import', () => {
  it('makes of an export the same stream again, from a pipe too', async () => {
    await using folder = await temporaryFolder();
    const path = await makeFile(folder.path('s.bin'), 500, 700);
    const lines = await out('export', path, '--entries-per-operation', '7');
    const into = folder.path('t.bin');
    const { status } = await run(['import', '-', '--into', into, '--system-id', '137'], lines);
    expect(status).toBe(0);
    expect(await exported(into)).toBe(await exported(path));
    expect(await verify(into)).toMatchObject({ identity, problems: [], bookmarks: 500 });
    await run(['import', '-', '--into', into], '{"entries":[{"type":9,"data":"0x"}]}');
    expect(await out('export', into, '--from', '1000')).toBe('{"entries":[{"type":9,"data":"0x"}]}\n');
  });

  it('passes over what is to be rolled back, and makes nothing in a dry run', async () => {
    await using folder = await temporaryFolder();
    const into = folder.path('t.bin');
    const lines =
      '{"entries":[{"type":1,"data":"0x01"}],"rollback":true}\n\n{"entries":[{"type":2,"data":"0x02"}]}';
    const args = ['import', '-', '--into', into, '--system-id', '1'];
    expect((await run([...args, '--dry-run'], lines)).out).toContain('would add 1 operation with 1 entry');
    expect((await run(['inspect', into])).status).toBe(1);
    expect((await run(args, lines)).out).toContain('added 1 operation with 1 entry, from entry 0 on');
    expect(await exported(into)).toBe('{"entries":[{"type":2,"data":"0x02"}]}\n');
  });

  it.each([
    ['{"entries":[{"type":1}]}', 'entries[0]: expected {"bookmark"'],
    ['{"entries":[{"type":1,"data":"0x1"}]}', 'entries[0].data: expected bytes'],
    ['{"entries":[{"type":4294967296,"data":"0x"}]}', 'entries[0]'],
    ['{"entries":[{"type":1,"data":"0x01"},{"bookmark":"0x"}]}', 'entries[1]'],
    ['{"entries":[{"type":176,"data":"0x01"}]}', "is a bookmark's"],
    ['{"entries":[],"entry":[]}', 'Unrecognized key: "entry"'],
    ['{"entries":', 'JSON'],
    ['[]', 'the operation: '],
  ])(
    'names a line that is no operation, adds nothing of it, and keeps those before: %s',
    async (bad, reason) => {
      await using folder = await temporaryFolder();
      const into = folder.path('t.bin');
      const good = '{"entries":[{"type":1,"data":"0x01"}]}\n';
      const { status, err } = await run(
        ['import', '-', '--into', into, '--system-id', '1'],
        `${good}${good}\n${bad}\n${good}`,
      );
      expect(status).toBe(1);
      expect(err).toContain('line 4: ');
      expect(err).toContain(reason);
      expect(err).toContain('2 operations with 2 entries before it stand in');
      expect(await verify(into)).toMatchObject({ committed: { entries: 2 }, problems: [] });
    },
  );

  it('asks for an identity where there is no file, and refuses another one where there is', async () => {
    await using folder = await temporaryFolder();
    const missing = await run(['import', '-', '--into', folder.path('t.bin')], '');
    expect(missing.status).toBe(2);
    expect(missing.err).toContain('give --system-id');
    const path = await makeFile(folder.path('s.bin'), 1);
    const other = await run(['import', '-', '--into', path, '--system-id', '138'], '');
    expect(other.status).toBe(1);
    expect(other.err).toContain('its systemId is 137, not 138');
  });

  it('refuses a line that is too long', async () => {
    await using folder = await temporaryFolder();
    const args = ['import', '-', '--into', folder.path('t.bin'), '--system-id', '1', '--line-max', '100B'];
    const { status, err } = await run(args, `{"entries":[{"type":1,"data":"0x${'00'.repeat(100)}"}]}\n`);
    expect(status).toBe(1);
    expect(err).toContain('line 1: it is longer than 100B');
  });
});
