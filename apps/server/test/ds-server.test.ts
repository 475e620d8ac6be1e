/** `ds-server` as a process: what it prints, what it keeps, how it ends. The program is the one that is deployed. */

import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  deadDisk,
  startProgram,
  temporaryFolder,
  type Program,
  type StartOptions,
} from '@ds/app-kit/testing';
import { StreamClient } from '@ds/client';
import {
  encodeCommand,
  encodeSourceMessage,
  FrameDecoder,
  ResultCode,
  serverPackets,
  sourceAnswers,
  type Header,
  type SourceAnswer,
} from '@ds/codec';
import { StreamFile } from '@ds/stream-file';
import { certificates } from '@ds/test-kit';

const bin = fileURLToPath(new URL('../bin/ds-server', import.meta.url));
const freePorts = ['--host', '127.0.0.1', '--port', '0', '--source-port', '0'];

function start(file: string, args: readonly string[] = [], options?: StartOptions): Program {
  return startProgram(bin, ['--file', file, ...freePorts, ...args], options);
}

const identity = { systemId: 137n, streamType: 1n, version: 1 };

async function writeStream(path: string, entries: number): Promise<void> {
  await using file = await StreamFile.open(path, { create: identity });
  file.startAtomicOp();
  file.addStreamBookmark(Uint8Array.of(7));
  for (let entry = 1; entry < entries; entry++) file.addStreamEntry(1, Uint8Array.of(entry));
  await file.commitAtomicOp();
}

async function headerOf(server: string | undefined, streamType = 1n): Promise<Header> {
  await using client = new StreamClient({ server: String(server), streamType });
  return await client.header();
}

async function connectTo(address: string | undefined): Promise<Socket> {
  const [host, port] = String(address).split(':');
  const socket = connect(Number(port), host);
  await once(socket, 'connect');
  return socket;
}

/** The first answer that comes, after which the connection is ended; undefined if the server ends it without one. */
async function answerOn<Answer>(socket: Socket, decoder: FrameDecoder<Answer>): Promise<Answer | undefined> {
  try {
    for await (const chunk of socket) {
      decoder.push(chunk as Uint8Array);
      const answer = decoder.next();
      if (answer) return answer;
    }
    return undefined;
  } finally {
    socket.destroy();
  }
}

/** What the server answers to a source that opens with a token. */
async function openAsSource(address: string | undefined, token: string): Promise<SourceAnswer | undefined> {
  const socket = await connectTo(address);
  const message = {
    kind: 'openSource',
    protocolVersion: 1n,
    systemId: 1n,
    epoch: 1n,
    token: Buffer.from(token),
  } as const;
  socket.write(encodeSourceMessage(message, 1n));
  return await answerOn(socket, new FrameDecoder(sourceAnswers));
}

/** What the server answers over TLS to a client that shows a token; undefined if it does not let it so far. */
async function authenticate(
  address: string | undefined,
  token: string,
  own: { cert?: string; key?: string },
): Promise<unknown> {
  const [host, port] = String(address).split(':');
  const socket = connectTls({ host, port: Number(port), ca: certificates.authority, ...own });
  socket.write(encodeCommand({ kind: 'authenticate', token: Buffer.from(token) }, 1n));
  return await answerOn(socket, new FrameDecoder(serverPackets)).catch(() => undefined);
}

describe('ds-server', () => {
  it('says where it listens in one line, and ends with 0 when it is told to', async () => {
    await using folder = await temporaryFolder();
    await using server = start(folder.path('stream.bin'));
    const { clients, source } = await server.ready();
    expect(clients).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(source).toMatch(/^127\.0\.0\.1:\d+$/);
    const { status, out } = await server.stop('SIGTERM');
    expect(status).toBe(0);
    expect(out).toBe(`ready {"clients":"${clients}","source":"${source}"}\n`);
  });

  it('logs one JSON object a line on stderr', async () => {
    await using folder = await temporaryFolder();
    await using server = start(folder.path('stream.bin'));
    await server.ready();
    const { err } = await server.stop('SIGINT');
    const messages = err.trimEnd().split('\n');
    expect(messages.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      'making a new stream file',
      'stream open',
      'stopping: SIGINT',
      'closed',
    ]);
  });

  it('ends also with clients and a source connected', async () => {
    await using folder = await temporaryFolder();
    await writeStream(folder.path('stream.bin'), 3);
    await using server = start(folder.path('stream.bin'));
    const { clients, source } = await server.ready();
    const sourceSocket = await connectTo(source);
    await using client = new StreamClient({ server: String(clients), retry: { attemptsMax: 0 } });
    const following = client.follow();
    expect(await following.next()).toMatchObject({ value: { number: 0n } });
    expect((await server.stop('SIGTERM')).status).toBe(0);
    await following.return();
    sourceSocket.destroy();
  });
});

describe('the stream file', () => {
  it('is made with the identity that is asked for', async () => {
    await using folder = await temporaryFolder();
    const asked = ['--system-id', '137', '--stream-type', '2', '--file-version', '9'];
    await using server = start(folder.path('stream.bin'), asked);
    const { clients } = await server.ready();
    expect(await headerOf(clients, 2n)).toMatchObject({
      systemId: 137n,
      streamType: 2n,
      version: 9,
      totalEntries: 0n,
    });
  });

  it('is made for chain 1, stream type 1, version 3 when nothing is asked for', async () => {
    await using folder = await temporaryFolder();
    await using server = start(folder.path('stream.bin'));
    const { clients } = await server.ready();
    expect(await headerOf(clients)).toMatchObject({ systemId: 1n, streamType: 1n, version: 3 });
  });

  it('is served as it is, whatever it is, and again after a restart', async () => {
    await using folder = await temporaryFolder();
    const path = folder.path('stream.bin');
    await writeStream(path, 20);
    for (let round = 0; round < 2; round++) {
      await using server = start(path);
      const { clients } = await server.ready();
      await using client = new StreamClient({ server: String(clients) });
      expect(await client.header()).toMatchObject({ ...identity, totalEntries: 20n });
      expect(await client.bookmark(Uint8Array.of(7))).toMatchObject({ number: 1n });
      expect([...((await client.entry(19n))?.data ?? [])]).toEqual([19]);
      expect((await server.stop()).status).toBe(0);
    }
  });

  it('is refused when it is not what was asked for, and only for that', async () => {
    await using folder = await temporaryFolder();
    const path = folder.path('stream.bin');
    await writeStream(path, 2);
    await using agreeing = start(path, ['--system-id', '137']);
    await agreeing.ready();
    expect((await agreeing.stop()).status).toBe(0);

    await using refusing = start(path, ['--system-id', '138', '--log-level', 'error']);
    const { status, out, err } = await refusing.ended();
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toBe(
      `ds-server: ${path} is another stream: it has --system-id 137, not 138; ` +
        'leave the option out, or name another --file\n',
    );
  });

  it('is left alone when it is no stream file', async () => {
    await using folder = await temporaryFolder();
    const path = folder.path('notes.txt');
    const text = 'not a stream\n'.repeat(400);
    await writeFile(path, text);
    await using server = start(path, ['--log-level', 'error']);
    const { status, err } = await server.ended();
    expect(status).toBe(1);
    expect(err).toMatch(/^ds-server: .*notes\.txt.*\n$/);
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('has one server: a second one names the first', async () => {
    await using folder = await temporaryFolder();
    await using first = start(folder.path('stream.bin'));
    await first.ready();
    await using second = start(folder.path('stream.bin'), ['--log-level', 'error']);
    const { status, err } = await second.ended();
    expect(status).toBe(1);
    expect(err).toMatch(/^ds-server: .+\n$/);
    expect(err).toContain(`process ${first.child.pid}`);
  });
});

describe('a disk that does not answer when it is to end', () => {
  it('is said, and does not keep the program', async () => {
    await using folder = await temporaryFolder();
    const path = folder.path('stream.bin');
    await using server = start(path, ['--file-close-timeout', '300ms'], { env: deadDisk(folder) });
    await server.ready();
    const { status, err } = await server.stop();
    expect({ status, signal: server.child.signalCode }).toEqual({ status: null, signal: 'SIGKILL' });
    expect(err).toContain(
      `ds-server: ${path} is not closed after 300ms: the disk does not answer. Look at it; ` +
        'the file is recovered when it is opened again\n',
    );
    await using again = start(path);
    await again.ready();
    expect((await again.stop()).status).toBe(0);
  });
});

describe('ports', () => {
  it.each(['--port', '--source-port'])('in use are named: %s', async (option) => {
    await using folder = await temporaryFolder();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    await using server = start(folder.path('stream.bin'), [option, String(port), '--log-level', 'error']);
    const { status, err } = await server.ended();
    taken.close();
    expect(status).toBe(1);
    expect(err).toMatch(
      new RegExp(`^ds-server: cannot listen on 127\\.0\\.0\\.1 port ${port}: .*EADDRINUSE.*\\n$`),
    );
  });
});

describe('the port for metrics', () => {
  it('is there when it is asked for, and tells what is served', async () => {
    await using folder = await temporaryFolder();
    await using server = start(folder.path('stream.bin'), ['--metrics-port', '0']);
    const { metrics } = await server.ready();
    const page = (path: string): Promise<Response> => fetch(`http://${String(metrics)}${path}`);
    expect((await page('/readyz')).status).toBe(200);
    expect(await (await page('/metrics')).text()).toContain('\nds_stream_entries 0\n');
    expect((await server.stop()).status).toBe(0);
  });
});

describe('clients that are served by processes of their own', () => {
  it('are served as ever, counted, and taken leave of', async () => {
    await using folder = await temporaryFolder();
    await writeStream(folder.path('stream.bin'), 3);
    const args = ['--workers', '2', '--metrics-port', '0'];
    await using server = start(folder.path('stream.bin'), args);
    const { clients, metrics } = await server.ready();
    await using client = new StreamClient({ server: String(clients), retry: { attemptsMax: 0 } });
    const following = client.follow();
    for (let number = 0n; number < 3n; number += 1n)
      expect(await following.next()).toMatchObject({ value: { number } });
    const page = async (path: string): Promise<string> =>
      (await fetch(`http://${String(metrics)}${path}`)).text();
    const figures = await page('/metrics');
    expect(figures).toContain('\nds_workers 2\n');
    expect(figures).toContain('\nds_clients{state="streaming"} 1\n');
    await expect.poll(() => page('/metrics')).toContain('\nds_sent_entries_total 3\n');
    expect(await page('/metrics')).toMatch(/\nds_workers_resident_memory_bytes [1-9]/);
    expect(JSON.parse(await page('/clients'))).toMatchObject([{ state: 'streaming', lagBytes: 0 }]);
    expect((await server.stop('SIGTERM')).status).toBe(0);
    await following.return();
  });
});

describe('file descriptors', () => {
  it.each([
    ['the program serves', /out of file descriptors/, []],
    // Those that wait to be handed over are the program's.
    ['a process of its own serves', /no worker has room|out of file descriptors/, ['--workers', '1']],
  ])('that run out, where %s, shut nobody out for longer than that', async (_who, reason, workers) => {
    await using folder = await temporaryFolder();
    const args = ['--file', folder.path('stream.bin'), ...freePorts, ...workers];
    await using server = startProgram('sh', ['-c', 'ulimit -n 160; exec "$0" "$@"', bin, ...args]);
    const { clients, source } = await server.ready();
    const sockets = await Promise.all(Array.from({ length: 300 }, () => connectTo(clients)));
    for (const socket of sockets) socket.on('error', () => undefined).resume();
    await server.writes('err', reason);
    // Those that were let in stay; all others are gone before long.
    const isOpen = (socket: Socket): boolean => !socket.readableEnded && !socket.destroyed;
    await expect.poll(() => sockets.filter(isOpen).length, { timeout: 10_000 }).toBeLessThan(150);
    expect(sockets.filter(isOpen).length).toBeGreaterThan(50);
    for (const socket of sockets) socket.destroy();
    const total = (): Promise<bigint | undefined> =>
      headerOf(clients).then(
        ({ totalEntries }) => totalEntries,
        () => undefined,
      );
    await expect.poll(total, { timeout: 10_000 }).toBe(0n);
    expect(await openAsSource(source, '')).toMatchObject({ kind: 'result', code: ResultCode.ok });
    const { status, err } = await server.stop();
    expect(status).toBe(0);
    expect(err.match(new RegExp(reason, 'g'))?.length).toBeLessThan(5);
  });
});

describe('options', () => {
  it('come from the config file, the environment and the command line, the last one winning', async () => {
    await using folder = await temporaryFolder();
    const config = folder.path('server.json');
    await writeFile(config, JSON.stringify({ systemId: '7', streamType: 7, fileVersion: 7 }));
    await using server = start(folder.path('stream.bin'), ['--config', config, '--file-version', '9'], {
      env: { DS_SERVER_STREAM_TYPE: '8', DS_SERVER_FILE_VERSION: '8' },
    });
    const { clients } = await server.ready();
    expect(await headerOf(clients, 8n)).toMatchObject({ systemId: 7n, streamType: 8n, version: 9 });
  });

  it.each([
    [['--port', '70000'], 'bad value "70000" for --port'],
    [['--bookmarks'], "unknown option '--bookmarks'"],
    [['--token-file', '/nowhere/token'], "can't read the token file /nowhere/token"],
    [['--client-tls-cert', 'tls.crt'], 'TLS needs both --client-tls-cert and --client-tls-key'],
  ])('that are wrong end it with 2: %s', async (args, reason) => {
    await using folder = await temporaryFolder();
    await using server = start(folder.path('stream.bin'), args);
    const { status, out, err } = await server.ended();
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(`ds-server: ${reason}`);
    expect(err).toContain('\nsee ds-server --help\n');
  });

  it.each([
    ['', 'holds 0 bytes'],
    ['x'.repeat(5000), 'holds 5000 bytes'],
  ])('a token file must hold a token that can be sent', async (text, reason) => {
    await using folder = await temporaryFolder();
    await writeFile(folder.path('token'), text);
    await using server = start(folder.path('stream.bin'), ['--token-file', folder.path('token')]);
    const { status, err } = await server.ended();
    expect(status).toBe(2);
    expect(err).toContain(reason);
  });

  it('a token keeps sources out that do not show it', async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.path('token'), '  open sesame\n');
    await using server = start(folder.path('stream.bin'), ['--token-file', folder.path('token')]);
    const { source } = await server.ready();
    expect(await openAsSource(source, 'open barley')).toMatchObject({
      kind: 'result',
      code: ResultCode.unauthorized,
    });
    expect(await openAsSource(source, 'open sesame')).toMatchObject({ kind: 'result', code: ResultCode.ok });
    const { err } = await server.stop();
    expect(err).not.toContain('sesame');
  });

  it('a token and certificates keep clients out that do not have them', async () => {
    await using folder = await temporaryFolder();
    const { server: pair, authority, client: own } = certificates;
    const files = { cert: pair.cert, key: pair.key, ca: authority };
    for (const [name, pem] of Object.entries(files)) await writeFile(folder.path(name), pem);
    const args = Object.keys(files).flatMap((name) => [`--client-tls-${name}`, folder.path(name)]);
    await using server = start(folder.path('stream.bin'), args, {
      env: { DS_SERVER_CLIENT_TOKEN: 'open sesame' },
    });
    const { clients } = await server.ready();
    expect(await authenticate(clients, 'open barley', own)).toMatchObject({ code: ResultCode.unauthorized });
    expect(await authenticate(clients, 'open sesame', own)).toMatchObject({ code: ResultCode.ok });
    expect(await authenticate(clients, 'open sesame', {})).toBeUndefined();
    const { err } = await server.stop();
    expect(err).not.toContain('sesame');
  });
});
