// `ds-source --ops`: a line is an operation. What is in the stream is what the lines say, up to the first one that
// can't be read; that one is named, and nothing of it goes out.
import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '@ds/app-kit/testing';
import {
  entriesOf,
  runSource,
  startServer,
  startSource,
  summaryOf,
  totalOf,
  until,
} from './support/programs.js';

const line = (value: number): string =>
  `{"entries":[{"type":1,"data":"0x${value.toString(16).padStart(2, '0')}"}]}\n`;

describe('Operations', () => {
  it('from a file become entries in order; what is rolled back is not among them', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    const lines = [
      '{"entries":[{"bookmark":"0x0207"},{"type":1,"data":"0xA1b2"}]}',
      '{"entries":[{"type":9,"data":"0xff"}],"rollback":true}',
      '{"entries":[],"rollback":false}',
      '{"entries":[{"type":4294967294,"data":"0x"}]}',
    ];
    await writeFile(folder.path('ops.jsonl'), lines.join('\n'));
    const ended = await runSource(['--server', server.source, '--ops', folder.path('ops.jsonl')]);
    expect(ended).toEqual({
      status: 0,
      out: '{"operations":3,"entries":3,"firstEntry":"0","nextEntry":"3"}\n',
      err: '',
    });
    expect(await entriesOf(server)).toEqual([
      { number: 0n, type: 0xb0, data: Uint8Array.of(2, 7) },
      { number: 1n, type: 1, data: Uint8Array.of(0xa1, 0xb2) },
      { number: 2n, type: 4294967294, data: new Uint8Array(0) },
    ]);
  });

  it('come through a pipe, with blank lines, Windows line ends and no newline at the end', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    const input = `\n${line(1)}\r\n  \n${line(2).replace('\n', '\r\n')}${line(3).trimEnd()}`;
    const ended = await runSource(['--server', server.source, '--ops', '-'], input);
    expect(ended.status).toBe(0);
    expect((await entriesOf(server)).map(({ data }) => data[0])).toEqual([1, 2, 3]);
  });

  it('are unpacked when the file’s name ends in .gz, and a cut file is named', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    const packed = gzipSync(line(1).repeat(500));
    const path = folder.path('ops.jsonl.gz');
    await writeFile(path, packed);
    const ended = await runSource(['--server', server.source, '--ops', path]);
    expect(summaryOf(ended)).toMatchObject({ operations: 500, nextEntry: '500' });
    await writeFile(path, packed.subarray(0, packed.length - 20));
    const cut = await runSource(['--server', server.source, '--ops', path]);
    expect(cut.status).toBe(1);
    expect(cut.err).toBe(`ds-source: can't read ${path}: unexpected end of file\n`);
  });

  it('none at all is fine', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    const ended = await runSource(['--server', server.source, '--ops', '-'], '');
    expect(ended.status).toBe(0);
    expect(summaryOf(ended)).toEqual({ operations: 0, entries: 0, firstEntry: '0', nextEntry: '0' });
  });
});

describe('A line that can’t be read', () => {
  it('is named, and ends it behind what came before', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    const bad = '{"entries":[{"type":1,"data":"0x77"},{"type":1,"data":"0x0"}]}\n';
    const input = `${line(1)}\n${line(2)}${bad}${line(3)}`;
    const ended = await runSource(['--server', server.source, '--ops', '-'], input);
    expect(ended.status).toBe(1);
    expect(ended.err).toBe(
      'ds-source: line 4: entries[1].data: expected bytes as 0x and two hex digits a byte\n',
    );
    expect(summaryOf(ended)).toEqual({ operations: 2, entries: 2, firstEntry: '0', nextEntry: '2' });
    expect((await entriesOf(server)).map(({ data }) => data[0])).toEqual([1, 2]);
  });

  it('is one that is too long: it is not even held', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    const input = line(1) + ' '.repeat(1 << 20);
    const ended = await runSource(['--server', server.source, '--ops', '-', '--line-max', '64KiB'], input);
    expect(ended.status).toBe(1);
    expect(ended.err).toBe('ds-source: line 2: it is longer than 64KiB; see --line-max\n');
    expect(await totalOf(server)).toBe(1);
  });

  it('is one that is no UTF-8', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    const ended = await runSource(
      ['--server', server.source, '--ops', '-'],
      Buffer.from('{"\xff"}\n', 'latin1'),
    );
    expect(ended.status).toBe(1);
    expect(ended.err).toContain('ds-source: line 1: it is no UTF-8');
  });
});

describe('A signal', () => {
  it('ends reading; what was sent is acknowledged first', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await using source = startSource(['--server', server.source, '--ops', '-']);
    for (let value = 0; value < 20; value++) source.child.stdin.write(line(value));
    source.child.stdin.write('{"entries":[{"type":1,');
    await until(async () => (await totalOf(server)) === 20);
    const ended = await source.stop('SIGTERM');
    expect(ended).toMatchObject({ status: 0, err: '' });
    expect(summaryOf(ended)).toEqual({ operations: 20, entries: 20, firstEntry: '0', nextEntry: '20' });
    expect(await totalOf(server)).toBe(20);
  });

  it('is not held up for ever by servers that are gone', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    await using source = startSource(['--server', server.source, '--ops', '-', '--stop-timeout', '200ms']);
    source.child.stdin.write(line(1));
    await until(async () => (await totalOf(server)) === 1);
    await server.program.stop();
    source.child.stdin.write(line(2));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const ended = await source.stop('SIGINT');
    expect(ended.status).toBe(1);
    expect(ended.err).toContain('the servers have not acknowledged all in 200ms after the signal');
    expect(summaryOf(ended)).toMatchObject({ operations: 1, nextEntry: '1' });
  });

  it('while no server is there ends it at once', async () => {
    await using source = startSource(['--server', '127.0.0.1:1', '--ops', '-']);
    let log = '';
    source.child.stderr.on('data', (text) => (log += String(text)));
    await until(() => log.includes('it is tried again'));
    expect(await source.stop('SIGTERM')).toMatchObject({ status: 0, out: '' });
  });
});
