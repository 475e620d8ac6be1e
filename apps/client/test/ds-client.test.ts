/** `ds-client` as a process, against a real server: every command in every format, and every way it ends. */

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProgram, temporaryFolder } from '@ds/app-kit/testing';
import { encodeHeader, entryBatch } from '@ds/codec';
import { certificateFiles } from '@ds/test-kit';
import {
  clientPath,
  commit,
  rawOutput,
  runClient,
  serveStream,
  serveStreamWith,
  startClient,
  type ServedStream,
} from './support/stream.js';

/** The stream of the protocol's golden bytes. */
const operation = [
  { type: 0xb0, data: Buffer.from('000000000000000007', 'hex') },
  { type: 1, data: Buffer.from('0102030405', 'hex') },
  { type: 2, data: Buffer.alloc(0) },
];
const entryBytes =
  '020000001a000000b00000000000000000000000000000000007' +
  '0200000016000000010000000000000001' +
  '0102030405' +
  '0200000011000000020000000000000002';
const jsonLines = [
  '{"number":"0","type":176,"data":"0x000000000000000007"}\n',
  '{"number":"1","type":1,"data":"0x0102030405"}\n',
  '{"number":"2","type":2,"data":"0x"}\n',
];
const prettyLines = [
  '        0  bookmark     type=l2Block value=7\n',
  '        1  type 1       0x0102030405\n',
  '        2  type 2\n',
];

let stream: ServedStream;
beforeAll(async () => {
  stream = await serveStream(operation);
});
afterAll(() => stream[Symbol.asyncDispose]());

describe('header', () => {
  it('is lines for people', async () => {
    const { status, out, err } = await runClient(stream.address, 'header');
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toBe('system id    137\nstream type  1\nversion      1\nentries      3\nbytes        4161\n');
  });

  it('is an object in JSON, its large numbers in quotes', async () => {
    const { out } = await runClient(stream.address, 'header', '--format', 'json');
    expect(out).toBe(
      '{"systemId":"137","streamType":"1","version":1,"totalLength":"4161","totalEntries":"3"}\n',
    );
  });

  it('is 38 bytes raw', async () => {
    expect(await rawOutput(stream.address, 'header')).toBe(
      Buffer.from(encodeHeader(stream.server.getHeader())).toString('hex'),
    );
  });
});

describe('entry and bookmark', () => {
  it.each([
    ['pretty', prettyLines[1]],
    ['json', jsonLines[1]],
  ])('show one entry, %s', async (format, line) => {
    expect(await runClient(stream.address, 'entry', '1', '--format', format)).toEqual({
      status: 0,
      out: line,
      err: '',
    });
    const found = await runClient(stream.address, 'bookmark', '0x000000000000000007', '--format', format);
    expect(found).toEqual({ status: 0, out: line, err: '' });
  });

  it('give an entry as it stands in the stream, raw', async () => {
    expect(await rawOutput(stream.address, 'entry', '1')).toBe(
      '0200000016000000010000000000000001' + '0102030405',
    );
    expect(await rawOutput(stream.address, 'bookmark', '000000000000000007')).toBe(
      await rawOutput(stream.address, 'entry', '1'),
    );
  });

  it('end with 1 when there is none', async () => {
    expect(await runClient(stream.address, 'entry', '3')).toEqual({
      status: 1,
      out: '',
      err: 'ds-client: there is no entry 3: the stream has 3, counted from 0\n',
    });
    expect(await runClient(stream.address, 'bookmark', '0x99')).toEqual({
      status: 1,
      out: '',
      err: 'ds-client: there is no entry behind the bookmark 0x99\n',
    });
  });
});

describe('follow', () => {
  it.each([
    ['json', jsonLines],
    ['pretty', prettyLines],
  ])('writes a line an entry, %s', async (format, lines) => {
    const follow = (...args: string[]) => runClient(stream.address, 'follow', '--format', format, ...args);
    expect(await follow('--count', '3')).toEqual({ status: 0, out: lines.join(''), err: '' });
    expect(await follow('--from', '1', '--until', '1')).toMatchObject({ status: 0, out: lines[1] });
    expect(await follow('--from', '2', '--count', '1')).toMatchObject({ status: 0, out: lines[2] });
  });

  it('starts at a bookmark', async () => {
    const args = ['--from-bookmark', '000000000000000007', '--format', 'json', '--count', '2'];
    const { status, out } = await runClient(stream.address, 'follow', ...args);
    expect({ status, out }).toEqual({ status: 0, out: jsonLines.slice(0, 2).join('') });
  });

  it('passes the bytes of the stream on, raw', async () => {
    expect(await rawOutput(stream.address, 'follow', '--until', '2')).toBe(entryBytes);
  });

  it.each([
    ['--count', '0'],
    ['--from', '2', '--until', '1'],
  ])('of nothing ends at once: %s', async (...args) => {
    expect(await runClient(stream.address, 'follow', ...args)).toEqual({ status: 0, out: '', err: '' });
  });

  it('says which bookmark or entry is not there', async () => {
    const unknown = await runClient(stream.address, 'follow', '--from-bookmark', '99');
    expect(unknown).toMatchObject({ status: 1, out: '' });
    expect(unknown.err).toMatch(/^ds-client: .*bookmark is not known.*\n$/);
    const beyond = await runClient(stream.address, 'follow', '--from', '4');
    expect(beyond).toMatchObject({ status: 1, out: '' });
    expect(beyond.err).toMatch(/^ds-client: .*entry 4 is beyond the stream's end: it has 3 entries\n$/);
  });

  it('goes on with entries that are still to come, until it is told to stop', async () => {
    await using live = await serveStream(operation);
    await using client = startClient(
      live.address,
      'follow',
      '--from',
      'latest',
      '--format',
      'json',
      '--log-level',
      'debug',
    );
    await client.writes('err', /"live"/);
    await commit(live.server, [{ type: 9, data: Buffer.from('new') }]);
    const [line] = await client.writes('out', /.*\n/);
    expect(line).toBe('{"number":"3","type":9,"data":"0x6e6577"}\n');
    expect(await client.stop('SIGINT')).toMatchObject({ status: 0, out: line });
  });
});

describe('a checkpoint', () => {
  it('is where the next run goes on, behind what was written', async () => {
    await using folder = await temporaryFolder();
    const path = folder.path('position');
    const follow = (...args: string[]) =>
      runClient(stream.address, 'follow', '--format', 'json', '--checkpoint', path, ...args);
    expect(await follow('--count', '2')).toEqual({ status: 0, out: jsonLines.slice(0, 2).join(''), err: '' });
    expect(await follow('--count', '1', '--from', '0')).toEqual({ status: 0, out: jsonLines[2], err: '' });
    expect(await follow('--until', '2')).toEqual({ status: 0, out: '', err: '' });
  });

  it('that is none ends it with 1', async () => {
    await using folder = await temporaryFolder();
    const path = folder.path('position');
    await writeFile(path, 'something else');
    const { status, err } = await runClient(stream.address, 'follow', '--checkpoint', path);
    expect(status).toBe(1);
    expect(err).toContain(path);
  });
});

describe('several servers, tokens and TLS', () => {
  it('the first server that is there is asked', async () => {
    const servers = `127.0.0.1:1,${stream.address}`;
    const { status, out } = await runClient(servers, 'follow', '--format', 'json', '--count', '3');
    expect({ status, out }).toEqual({ status: 0, out: jsonLines.join('') });
    expect(await runClient(servers, 'header')).toMatchObject({ status: 0, err: '' });
  });

  it('entries of some types are written alone', async () => {
    const args = ['--types', '1,2', '--until', '2'];
    for (const [format, lines] of [
      ['json', jsonLines],
      ['pretty', prettyLines],
    ] as const) {
      const { out } = await runClient(stream.address, 'follow', '--format', format, ...args);
      expect(out).toBe(lines.slice(1).join(''));
    }
    expect(await rawOutput(stream.address, 'follow', ...args)).toBe(entryBytes.slice(52));
  });

  it('a token in a file opens a server that asks for it', async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.path('token'), 'let me in\n');
    await using guarded = await serveStreamWith({ token: new TextEncoder().encode('let me in') }, operation);
    const shown = ['--token-file', folder.path('token')];
    expect(await runClient(guarded.address, 'header', ...shown)).toMatchObject({ status: 0, err: '' });
    const refused = await runClient(guarded.address, 'follow');
    expect(refused).toMatchObject({ status: 1, out: '' });
    expect(refused.err).toMatch(/^ds-client: .*asks for a token.*\n$/);
  });

  it('TLS proves who the server is', async () => {
    await using folder = await temporaryFolder();
    const { tls, authority, strangers } = await certificateFiles(folder.path(''));
    await using secure = await serveStreamWith({ tls }, operation);
    const follow = (ca: string) =>
      runClient(secure.address, 'follow', '--count', '1', '--retries', '0', '--tls-ca', ca);
    expect(await follow(authority)).toEqual({ status: 0, out: prettyLines[0], err: '' });
    expect(await follow(strangers)).toMatchObject({ status: 1, out: '' });
    const { status, err } = await follow(folder.path('missing'));
    expect(status).toBe(2);
    expect(err).toContain(folder.path('missing'));
  });
});

describe('ds-client ends', () => {
  it('with 2 when it is misused', async () => {
    const { status, out, err } = await runClient(stream.address, 'follow', '--count', '1', '--until', '1');
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toBe('ds-client: --count and --until exclude each other\nsee ds-client --help\n');
  });

  it('with 1 when nobody answers, after as many attempts as it may make', async () => {
    const { status, out, err } = await runClient(
      '127.0.0.1:1',
      'follow',
      '--retries',
      '2',
      '--retry-wait',
      '1ms',
    );
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toMatch(/\nds-client: cannot connect to 127\.0\.0\.1:1: .*\n$/);
    expect(await runClient('127.0.0.1:1', 'header')).toMatchObject({ status: 1, out: '' });
  });

  it('with 1 when the stream is of another type', async () => {
    const { status, err } = await runClient(stream.address, '--stream-type', '2', 'header');
    expect(status).toBe(1);
    expect(err).toMatch(
      /^ds-client: .*Invalid command \(9\): is this its port for clients, and 2 its stream type\?\n$/,
    );
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'with 0 when %s comes while it waits to connect',
    async (signal) => {
      await using client = startClient('127.0.0.1:1', 'follow', '--retries', 'forever');
      await once(client.child.stderr, 'data');
      expect((await client.stop(signal)).status).toBe(0);
    },
  );

  it('with 0, quietly, when its reader has seen enough', async () => {
    await using live = await serveStream(manyEntries(20_000));
    await using client = startClient(live.address, 'follow', '--format', 'json');
    await once(client.child.stdout, 'data');
    client.child.stdout.destroy();
    expect(await client.ended()).toMatchObject({ status: 0, err: '' });
  });
});

describe('In a pipe', () => {
  it.each(['json', 'pretty', 'raw'])('to head, it ends with 0 and says nothing, %s', async (format) => {
    await using live = await serveStream(manyEntries(20_000));
    const command = `"$0" --server ${live.address} follow --format ${format}`;
    await using pipe = startProgram('/bin/sh', [
      '-c',
      `{ ${command}; echo "status $?" >&2; } | head -c 1000`,
      clientPath,
    ]);
    const { err } = await pipe.ended();
    expect(err).toBe('status 0\n');
    expect(pipe.outBytes()).toHaveLength(1000);
  });
});

describe('many entries', () => {
  it('all arrive with a slow reader, in order and byte for byte', async () => {
    const count = 50_000;
    await using live = await serveStream(manyEntries(count));
    await using client = startProgram('/bin/sh', [
      '-c',
      `"$0" --server ${live.address} follow --format raw --count ${count} | { sleep 0.3; cat; }`,
      clientPath,
    ]);
    expect((await client.ended()).status).toBe(0);
    let number = 0;
    for (const entry of entryBatch(client.outBytes())) {
      if (entry.number !== BigInt(number) || Buffer.from(entry.data).readUInt32BE() !== number) break;
      number++;
    }
    expect(number).toBe(count);
  });
});

function manyEntries(count: number): typeof operation {
  return Array.from({ length: count }, (_, number) => {
    const data = Buffer.alloc(64);
    data.writeUInt32BE(number);
    return { type: 1, data };
  });
}
