/** Goal: who watches a serving app learns what happens, over real connections, and what is documented is what there is. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLogger, formatAddress } from '@ds/app-kit';
import { readmeTable, temporaryFolder } from '@ds/app-kit/testing';
import { encodeCommand, type ClientCommand } from '@ds/codec';
import { StreamServer } from '@ds/server';
import { StreamFile, StreamFileError } from '@ds/stream-file';
import { Monitor } from '../src/index.js';
import { Metrics } from '../src/monitor/metrics.js';

const host = '127.0.0.1';

async function startMonitor(): Promise<Monitor> {
  const logger = createLogger('test', 'silent', { write: () => true });
  const monitor = await Monitor.start({ metricsPort: 0, metricsHost: host }, logger);
  if (!monitor) throw new Error('there is no monitor');
  onTestFinished(() => monitor[Symbol.asyncDispose]());
  return monitor;
}

interface Served {
  readonly monitor: Monitor;
  readonly file: StreamFile;
  readonly server: StreamServer;
}

/** A server that is watched, with one commit of three entries. */
async function serve(clientsMax = 10): Promise<Served> {
  const folder = await temporaryFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const monitor = await startMonitor();
  const create = { systemId: 1n, streamType: 1n, version: 1 };
  const file = await StreamFile.open(folder.path('stream.bin'), {
    create,
    observer: monitor.storageObserver,
  });
  onTestFinished(() => file.close());
  file.startAtomicOp();
  for (let entry = 0; entry < 3; entry++) file.addStreamEntry(1, Uint8Array.of(entry));
  await file.commitAtomicOp();
  const server = await StreamServer.start({
    file,
    clients: { host, port: 0 },
    source: { host, port: 0 },
    limits: { clientsMax, closeMs: 100 },
    observer: monitor.serverObserver,
  });
  onTestFinished(() => server.close());
  monitor.watch({ file, server });
  return { monitor, file, server };
}

async function get(monitor: Monitor, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://${formatAddress(monitor.address)}${path}`);
  return { status: response.status, text: await response.text() };
}

/** The value of a figure, by its name and labels as they are written. */
async function figure(monitor: Monitor, name: string): Promise<number | undefined> {
  const { text } = await get(monitor, '/metrics');
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length));
}

async function client({ server }: Served, ...commands: ClientCommand[]): Promise<Socket> {
  const socket = connect(server.clientAddress.port, host);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.resume();
  for (const command of commands) socket.write(encodeCommand(command, 1n));
  return socket;
}

const start: ClientCommand = { kind: 'start', fromEntry: 0n };

describe('the metrics', () => {
  it('say how large the stream is, and what commits and syncs cost', async () => {
    const { monitor } = await serve();
    expect(await figure(monitor, 'ds_stream_entries')).toBe(3);
    expect(await figure(monitor, 'ds_stream_bytes')).toBe(4096 + 3 * 18);
    expect(await figure(monitor, 'ds_commit_seconds_count')).toBe(1);
    expect(await figure(monitor, 'ds_sync_seconds_count')).toBeGreaterThan(0);
    expect(await figure(monitor, 'ds_storage_failed')).toBe(0);
  });

  it('count clients by what they do, and what they were sent', async () => {
    const served = await serve();
    const { monitor } = served;
    await client(served);
    const streaming = await client(served, start);
    await expect.poll(() => figure(monitor, 'ds_clients{state="stopped"}')).toBe(1);
    await expect.poll(() => figure(monitor, 'ds_clients{state="streaming"}')).toBe(1);
    await expect.poll(() => figure(monitor, 'ds_sent_bytes_total')).toBe(3 * 18);
    expect(await figure(monitor, 'ds_sent_entries_total')).toBe(3);
    expect(await figure(monitor, 'ds_connections_total{peer="client"}')).toBe(2);
    expect(await figure(monitor, 'ds_client_lag_bytes_max')).toBe(0);
    streaming.destroy();
    await expect.poll(() => figure(monitor, 'ds_disconnects_total{peer="client",reason="peer"}')).toBe(1);
    expect(await figure(monitor, 'ds_clients{state="streaming"}')).toBe(0);
  });

  it('count what was rejected, by its error', async () => {
    const served = await serve(2);
    const { monitor } = served;
    await client(served, { kind: 'start', fromEntry: 9n }, { kind: 'stop' });
    await expect.poll(() => figure(monitor, 'ds_rejected_total{peer="client",error="badFromEntry"}')).toBe(1);
    expect(await figure(monitor, 'ds_rejected_total{peer="client",error="alreadyStopped"}')).toBe(1);
    for (let more = 0; more < 3; more++) await client(served);
    await expect
      .poll(() => figure(monitor, 'ds_connections_refused_total{peer="client",reason="full"}'))
      .toBeGreaterThan(0);
  });

  it('say what the pages in memory bring, and cost', async () => {
    const served = await serve();
    const { monitor } = served;
    const hits = await figure(monitor, 'ds_page_cache_hits_total');
    await client(served, start);
    await expect.poll(() => figure(monitor, 'ds_sent_entries_total')).toBe(3);
    expect(await figure(monitor, 'ds_page_cache_hits_total')).toBeGreaterThan(hits ?? Infinity);
    expect(await figure(monitor, 'ds_page_cache_misses_total')).toBe(0);
    expect(await figure(monitor, 'ds_page_cache_bytes')).toBe(1 << 20);
    await expect.poll(() => figure(monitor, 'ds_pages_on_loan')).toBe(0);
  });

  it('stand in the documentation, and no others', async () => {
    const documented = readmeTable(
      readFileSync(new URL('../../../docs/operating.md', import.meta.url), 'utf8'),
      '### What is counted',
    ).map(([name = '']) => name.replaceAll('`', ''));
    const own = (await new Metrics(() => undefined, { hasUpstream: true }).registry.getMetricsAsJSON())
      .map(({ name }) => name)
      .filter((name) => name.startsWith('ds_'));
    expect(documented.sort()).toEqual(own.sort());
  });
});

describe('the other pages', () => {
  it('tell how far each client is behind', async () => {
    const served = await serve();
    await client(served, start);
    const clients = async (): Promise<unknown> => JSON.parse((await get(served.monitor, '/clients')).text);
    const peer = expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string;
    await expect.poll(clients).toEqual([{ peer, state: 'streaming', lagBytes: 0, pendingBytes: 0 }]);
  });

  it('say when clients can be sent here', async () => {
    const { monitor, file, server } = await serve();
    expect(await get(monitor, '/readyz')).toEqual({ status: 200, text: 'ok\n' });
    expect(await get(monitor, '/healthz')).toEqual({ status: 200, text: 'ok\n' });
    monitor.watch({ file, server, unready: () => 'the upstream is not followed' });
    expect(await get(monitor, '/readyz')).toEqual({ status: 503, text: 'the upstream is not followed\n' });
    monitor.watch(undefined);
    expect(await get(monitor, '/readyz')).toEqual({ status: 503, text: 'not serving\n' });
    expect(await get(monitor, '/healthz')).toMatchObject({ status: 200 });
  });

  it('say so when nothing can be written any more', async () => {
    const { monitor, file, server } = await serve();
    const failure = new StreamFileError('io', 'the disk fails');
    monitor.watch({ file: { header: server.getHeader(), failure, cache: file.cache }, server });
    expect(await get(monitor, '/healthz')).toEqual({ status: 503, text: 'the disk fails\n' });
    expect(await get(monitor, '/readyz')).toMatchObject({ status: 503 });
    expect(await figure(monitor, 'ds_storage_failed')).toBe(1);
  });

  it('change nothing, and are no others', async () => {
    const { monitor } = await serve();
    expect((await get(monitor, '/nothing')).status).toBe(404);
    const { status } = await fetch(`http://${formatAddress(monitor.address)}/metrics`, { method: 'POST' });
    expect(status).toBe(405);
  });

  it('say which port they cannot have', async () => {
    const { monitor } = await serve();
    const { port } = monitor.address;
    const logger = createLogger('test', 'silent', { write: () => true });
    await expect(Monitor.start({ metricsPort: port, metricsHost: host }, logger)).rejects.toMatchObject({
      message: `cannot listen on ${host} port ${port} for metrics`,
      cause: { code: 'EADDRINUSE' },
    });
  });

  it('are off unless a port is given', async () => {
    const logger = createLogger('test', 'silent', { write: () => true });
    expect(await Monitor.start({ metricsPort: undefined, metricsHost: host }, logger)).toBeUndefined();
  });
});
