/** `ds-relay` as a process: what it prints, what it serves, how it ends. The program is the one that is deployed. */

import { writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  deadDisk,
  startProgram,
  temporaryFolder,
  type Program,
  type TemporaryFolder,
} from '@ds/app-kit/testing';
import { StreamClient } from '@ds/client';
import { StreamServer, type PortOptions } from '@ds/server';
import { StreamFile } from '@ds/stream-file';
import { certificateFiles } from '@ds/test-kit';

const bin = fileURLToPath(new URL('../bin/ds-relay', import.meta.url));
const host = '127.0.0.1';

function start(folder: TemporaryFolder, upstream: string, ...args: string[]): Program {
  const own = ['--upstream', upstream, '--file', folder.path('relay.bin'), '--host', host, '--port', '0'];
  return startProgram(bin, [...own, '--retry-interval', '100ms', ...args]);
}

interface Serving extends Pick<PortOptions, 'token' | 'tls'> {
  readonly port?: number;
  readonly streamType?: bigint;
  readonly systemId?: bigint;
}

/** A server with entries of one byte each, its address, and how to end it. */
async function serve(
  folder: TemporaryFolder,
  entries: number,
  { port = 0, streamType = 1n, systemId = 137n, ...access }: Serving = {},
): Promise<{ address: string; port: number; file: StreamFile; stop: () => Promise<void> }> {
  const path = folder.path(`upstream-${systemId}.bin`);
  const create = { systemId, streamType, version: 3 };
  const file = await StreamFile.open(path, { create, durability: 'os' });
  await append(file, entries - Number(file.nextEntry));
  const server = await StreamServer.start({
    file,
    clients: { host, port, ...access },
    limits: { closeMs: 200 },
  });
  const stop = async (): Promise<void> => {
    await server.close();
    await file.close();
  };
  onTestFinished(stop);
  const bound = server.clientAddress.port;
  return { address: `${host}:${bound}`, port: bound, file, stop };
}

async function append(file: StreamFile, count: number): Promise<void> {
  if (count <= 0) return;
  file.startAtomicOp();
  for (let entry = 0; entry < count; entry++) {
    file.addStreamEntry(1, Uint8Array.of(Number(file.nextEntry)));
  }
  await file.commitAtomicOp();
}

/** Bytes of the first entries' data. */
async function dataAt(address: string | undefined, count: bigint, streamType = 1n): Promise<number[]> {
  await using client = new StreamClient({ server: String(address), streamType });
  const bytes: number[] = [];
  for await (const { data } of client.follow({ count })) bytes.push(...data);
  return bytes;
}

/** A proxy that can hold back what is streamed, while questions are answered. */
async function holdingProxy(
  port: number,
): Promise<{ address: string; holdStreams: () => void; letGo: () => void }> {
  const streams = new Set<Socket>();
  const listener = createServer((socket) => {
    const upstream = connect(port, host);
    onTestFinished(() => void socket.destroy());
    upstream.pipe(socket);
    socket.on('data', (chunk) => {
      if (chunk.readBigUInt64BE() === 1n) streams.add(upstream);
      upstream.write(chunk);
    });
    socket.on('close', () => upstream.destroy()).on('error', () => undefined);
    upstream.on('close', () => socket.destroy()).on('error', () => undefined);
  });
  await new Promise<void>((resolve) => listener.listen(0, host, resolve));
  onTestFinished(() => void listener.close());
  return {
    address: `${host}:${(listener.address() as AddressInfo).port}`,
    holdStreams() {
      for (const stream of streams) stream.pause();
    },
    letGo() {
      for (const stream of streams) stream.resume();
    },
  };
}

/** An address that nobody listens on. */
async function deadAddress(): Promise<string> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, host, resolve));
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return `${host}:${port}`;
}

describe('ds-relay', () => {
  it('says where it serves in one line, serves what its upstream has and gets, and ends with 0', async () => {
    await using folder = await temporaryFolder();
    const upstream = await serve(folder, 3);
    await using relay = start(folder, upstream.address);
    const { clients } = await relay.ready();
    expect(clients).toMatch(/^127\.0\.0\.1:\d+$/);
    await append(upstream.file, 2);
    expect(await dataAt(clients, 5n)).toEqual([0, 1, 2, 3, 4]);
    const { status, out } = await relay.stop('SIGTERM');
    expect({ status, out }).toEqual({ status: 0, out: `ready {"clients":"${clients}"}\n` });
  });

  it('says that the disk does not answer when it is to end, and is not kept by it', async () => {
    await using folder = await temporaryFolder();
    const upstream = await serve(folder, 3);
    const file = folder.path('relay.bin');
    const own = ['--upstream', upstream.address, '--file', file, '--host', host, '--port', '0'];
    const timeouts = ['--close-timeout', '100ms', '--file-close-timeout', '200ms'];
    await using relay = startProgram(bin, [...own, ...timeouts], { env: deadDisk(folder) });
    await relay.ready();
    const { status, err } = await relay.stop();
    expect({ status, signal: relay.child.signalCode }).toEqual({ status: null, signal: 'SIGKILL' });
    expect(err).toContain(`ds-relay: ${file} is not closed after 300ms: the disk does not answer.`);
  });

  it('serves by processes of their own if it is told to', async () => {
    await using folder = await temporaryFolder();
    const upstream = await serve(folder, 3);
    await using relay = start(folder, upstream.address, '--workers', '2', '--metrics-port', '0');
    const { clients, metrics } = await relay.ready();
    expect(await dataAt(clients, 3n)).toEqual([0, 1, 2]);
    const figures = await fetch(`http://${String(metrics)}/metrics`);
    expect(await figures.text()).toContain('\nds_workers 2\n');
    await append(upstream.file, 2);
    expect(await dataAt(clients, 5n)).toEqual([0, 1, 2, 3, 4]);
    expect((await relay.stop()).status).toBe(0);
  });

  it('says that it is not ready while it is too far behind its upstream, or does not follow it', async () => {
    await using folder = await temporaryFolder();
    const upstream = await serve(folder, 3);
    const proxy = await holdingProxy(upstream.port);
    const watching = ['--metrics-port', '0', '--head-interval', '20ms', '--ready-behind-max', '5'];
    await using relay = start(folder, proxy.address, ...watching);
    const { metrics } = await relay.ready();
    const page = async (path: string): Promise<string> =>
      (await fetch(`http://${String(metrics)}${path}`)).text();
    await expect.poll(() => page('/readyz')).toBe('ok\n');
    await expect.poll(() => page('/metrics')).toContain('\nds_upstream_entries 3\n');

    proxy.holdStreams();
    await append(upstream.file, 5);
    await expect.poll(() => page('/metrics')).toContain('\nds_upstream_entries 8\n');
    expect(await page('/readyz')).toBe('ok\n');
    await append(upstream.file, 1);
    await expect.poll(() => page('/readyz')).toBe('6 entries behind the upstream\n');
    proxy.letGo();
    await expect.poll(() => page('/readyz')).toBe('ok\n');
    await upstream.stop();
    await expect.poll(() => page('/readyz')).toBe('the upstream is not followed\n');
  });

  it('takes system id, version and stream type from its upstream', async () => {
    await using folder = await temporaryFolder();
    const upstream = await serve(folder, 1, { streamType: 2n });
    await using relay = start(folder, upstream.address, '--stream-type', '2');
    const { clients } = await relay.ready();
    await using client = new StreamClient({ server: String(clients), streamType: 2n });
    expect(await client.header()).toMatchObject(upstream.file.identity);
  });

  it('waits for an upstream that is not there, and ends with 0 when it is told to meanwhile', async () => {
    await using folder = await temporaryFolder();
    await using relay = start(folder, await deadAddress());
    await relay.writes('err', /upstream lost, trying again/);
    const { status, out, err } = await relay.stop('SIGTERM');
    expect({ status, out }).toEqual({ status: 0, out: '' });
    expect(err).not.toContain('ds-relay:');
  });

  it('ends with 0 also while a connection to its upstream is being made', async () => {
    await using folder = await temporaryFolder();
    // Whoever connects is never answered.
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, host, resolve));
    onTestFinished(() => void silent.close());
    await using relay = start(folder, `${host}:${(silent.address() as AddressInfo).port}`);
    await new Promise((resolve) => silent.once('connection', resolve));
    expect((await relay.stop('SIGINT')).status).toBe(0);
  });

  it('goes on when its upstream comes back, serving meanwhile what it has', async () => {
    await using folder = await temporaryFolder();
    const upstream = await serve(folder, 3);
    await using relay = start(folder, upstream.address);
    const { clients } = await relay.ready();
    expect(await dataAt(clients, 3n)).toEqual([0, 1, 2]);
    await upstream.stop();
    expect(await dataAt(clients, 3n)).toEqual([0, 1, 2]);
    await serve(folder, 5, { port: upstream.port });
    expect(await dataAt(clients, 5n)).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('several upstreams, tokens and TLS', () => {
  it('goes on with another upstream where one is lost', async () => {
    await using folder = await temporaryFolder();
    await using other = await temporaryFolder();
    const [first, second] = [await serve(folder, 3), await serve(other, 3)];
    await using relay = start(
      folder,
      `${await deadAddress()},${first.address}`,
      '--upstream',
      second.address,
    );
    const { clients } = await relay.ready();
    expect(await dataAt(clients, 3n)).toEqual([0, 1, 2]);
    await first.stop();
    await append(second.file, 2);
    expect(await dataAt(clients, 5n)).toEqual([0, 1, 2, 3, 4]);
  });

  it('an upstream is shown a token and has to prove who it is', async () => {
    await using folder = await temporaryFolder();
    const { tls, authority, strangers } = await certificateFiles(folder.path(''));
    await writeFile(folder.path('token'), 'let me in\n');
    await writeFile(folder.path('wrong'), 'let me out\n');
    const upstream = await serve(folder, 3, { tls, token: Buffer.from('let me in') });
    const startWith = (token: string, ca: string): Program =>
      start(folder, upstream.address, '--token-file', folder.path(token), '--tls-ca', ca);
    {
      await using relay = startWith('token', authority);
      expect(await dataAt((await relay.ready())['clients'], 3n)).toEqual([0, 1, 2]);
      await relay.stop();
    }
    await using refused = startWith('wrong', authority);
    const { status, out, err } = await refused.ended();
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toMatch(/ds-relay: .*it does not take this token/);
    expect(err).not.toContain('let me');
    await using waiting = startWith('token', strangers);
    await waiting.writes('err', /upstream lost, trying again/);
    expect(await waiting.stop()).toMatchObject({ status: 0, out: '' });
  });

  it('a certificate that is not there is misuse', async () => {
    await using folder = await temporaryFolder();
    await using relay = start(folder, '127.0.0.1:1', '--tls-ca', folder.path('missing'));
    expect(await relay.ended()).toMatchObject({
      status: 2,
      err: expect.stringContaining(folder.path('missing')) as string,
    });
  });
});

describe('a file of another stream than its upstream', () => {
  it('ends it with 1 and one line that says what to do', async () => {
    await using folder = await temporaryFolder();
    const upstream = await serve(folder, 3);
    await using first = start(folder, upstream.address);
    expect(await dataAt((await first.ready())['clients'], 3n)).toEqual([0, 1, 2]);
    await first.stop();

    const other = await serve(folder, 3, { systemId: 138n });
    await using relay = start(folder, other.address, '--log-level', 'fatal');
    const { status, out, err } = await relay.ended();
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toMatch(
      /^ds-relay: .*relay\.bin is not of the stream of .*: .*systemId is 137, not 138; .*\n$/,
    );

    await using restarted = start(folder, other.address, '--on-mismatch', 'restart');
    await using client = new StreamClient({ server: String((await restarted.ready())['clients']) });
    expect(await client.header()).toMatchObject({ systemId: 138n });
  });

  it('ends it with 1 also later, when the upstream is cut', async () => {
    await using folder = await temporaryFolder();
    const upstream = await serve(folder, 3);
    await using relay = start(folder, upstream.address, '--log-level', 'fatal');
    expect(await dataAt((await relay.ready())['clients'], 3n)).toEqual([0, 1, 2]);
    await upstream.file.truncateFile(1n);
    const { status, err } = await relay.ended();
    expect(status).toBe(1);
    expect(err).toMatch(/^ds-relay: .*it holds 3 entries, the upstream 1; .*\n$/);
  });

  it('is truncated if that was asked for', async () => {
    await using folder = await temporaryFolder();
    const upstream = await serve(folder, 3);
    await using relay = start(folder, upstream.address, '--on-mismatch', 'truncate');
    const { clients } = await relay.ready();
    expect(await dataAt(clients, 3n)).toEqual([0, 1, 2]);
    await upstream.file.truncateFile(1n);
    await relay.writes('err', /truncating to what is the upstream's/);
    await append(upstream.file, 1);
    expect(await dataAt(clients, 2n)).toEqual([0, 1]);
  });
});

describe('what can go wrong', () => {
  it('an upstream of another stream type is named as one that refuses', async () => {
    await using folder = await temporaryFolder();
    const upstream = await serve(folder, 1, { streamType: 2n });
    await using relay = start(folder, upstream.address, '--log-level', 'fatal');
    const { status, err } = await relay.ended();
    expect(status).toBe(1);
    expect(err).toMatch(/^ds-relay: .*Invalid command.*\n$/);
    expect(err).toContain(upstream.address);
  });

  it('a port in use is named', async () => {
    await using folder = await temporaryFolder();
    const upstream = await serve(folder, 1);
    await using relay = start(
      folder,
      upstream.address,
      '--port',
      String(upstream.port),
      '--log-level',
      'fatal',
    );
    const { status, err } = await relay.ended();
    expect(status).toBe(1);
    expect(err).toMatch(
      new RegExp(`^ds-relay: cannot listen on 127\\.0\\.0\\.1 port ${upstream.port}: .*\\n$`),
    );
  });

  it('bad usage ends it with 2', async () => {
    await using folder = await temporaryFolder();
    await using relay = start(folder, 'nowhere');
    expect((await relay.ended()).status).toBe(2);
  });
});
