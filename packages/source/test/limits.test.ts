// What a source refuses at once, what it holds in memory, and how long it waits.
import { describe, expect, it } from 'vitest';

import { StreamSource, type StreamSourceOptions } from '../src/index.js';
import { defaultOptions } from '../src/settings.js';
import { commit, filled, numbered, openSource, send, sleep, until } from './support/operations.js';
import { Proxy } from './support/proxy.js';
import { identity, TestServer } from './support/test-server.js';

describe('Options that make no sense', () => {
  const good = { servers: ['127.0.0.1:1'], systemId: 1n };
  const cases: readonly [string, Partial<StreamSourceOptions>][] = [
    ['no server', { servers: [] }],
    ['nothing for a server', { servers: undefined as unknown as string }],
    ['a server without a port', { servers: ['localhost'] }],
    ['a server with port 0', { servers: ['localhost:0'] }],
    ['a server with a port above 65535', { servers: [{ host: 'localhost', port: 65_536 }] }],
    ['a server without a host', { servers: [':6901'] }],
    ['an IPv6 server without brackets', { servers: ['::1:6901'] }],
    ['a server that is given twice', { servers: ['localhost:1', { host: 'localhost', port: 1 }] }],
    ['a negative system id', { systemId: -1n }],
    ['a stream type above a u64', { streamType: 2n ** 64n }],
    ['an epoch above a u64', { epoch: 2n ** 64n }],
    ['a token that is too long', { token: new Uint8Array(4097) }],
    ['a certificate that cannot be read', { tls: { cert: 'no certificate', key: 'no key' } }],
    ['a time that is no number', { openMs: Number.NaN }],
    ['no time at all', { answerMs: 0 }],
    ['a time longer than timers can be set to', { connectMs: 2 ** 31 }],
    ['a negative wait', { retry: { firstMs: -1 } }],
    ['a wait without end', { retry: { longestMs: Infinity } }],
    ['a negative size', { windowBytes: -1 }],
    ['a size that is no number', { operationBytesMax: Number.NaN }],
    ['a quorum that is no number of servers', { quorum: 1.5 }],
    ['a quorum of more servers than there are', { quorum: 2 }],
    ['a quorum by another name', { quorum: 'most' as 'all' }],
    ['a number where a bigint is expected', { systemId: 1 as unknown as bigint }],
  ];
  it.each(cases)('are refused: %s', async (_what, wrong) => {
    await expect(StreamSource.open({ ...good, ...wrong })).rejects.toMatchObject({
      name: 'SourceError',
      code: 'bad-option',
    });
  });

  it('are not those that are undefined: they are not given', async () => {
    const { address } = await TestServer.start();
    const { systemId } = identity;
    const nothing = Object.fromEntries(Object.keys(defaultOptions).map((name) => [name, undefined]));
    const source = await StreamSource.open({
      ...nothing,
      servers: address,
      systemId,
      token: undefined,
      tls: undefined,
      epoch: undefined,
      outbox: undefined,
      retry: { firstMs: undefined },
      onServerState: undefined,
    });
    expect(await commit(source, [filled(1)])).toEqual({ firstEntry: 0n, nextEntry: 1n });
    await source.close();
  });
});

describe('A token', () => {
  const token = Buffer.from('open sesame');

  it('lets a source in', async () => {
    const server = await TestServer.start({ token });
    const source = await openSource([server.address], { token });
    expect(await commit(source, [filled(1)])).toMatchObject({ nextEntry: 1n });
  });

  it('that is wrong or missing is refused for good, without a second try', async () => {
    const server = await TestServer.start({ token });
    for (const wrong of [{}, { token: Buffer.from('open barley') }]) {
      await expect(openSource([server.address], wrong)).rejects.toMatchObject({
        code: 'no-server',
        cause: { code: 'unauthorized', result: { code: 33 } },
      });
    }
  });
});

describe('Unacknowledged operations', () => {
  it('hold the next one back when they are too many bytes', async () => {
    const server = await TestServer.start();
    const way = await Proxy.start(() => server.port);
    const source = await openSource([way.address], { windowBytes: 10_000 });
    way.passes.down = false;
    const first = await send(source, [filled(1, 6_000)]);
    await send(source, [filled(2, 6_000)]);
    const third = send(source, [filled(3, 6_000)]);
    expect(await Promise.race([third, sleep(50).then(() => 'held back')])).toBe('held back');
    way.release();
    await first.committed;
    await (
      await third
    ).committed;
    expect(server.totalEntries).toBe(3n);
  });

  it('are held back no longer when the source ends', async () => {
    const server = await TestServer.start();
    const way = await Proxy.start(() => server.port);
    const source = await openSource([way.address], { windowBytes: 10 });
    way.passes.down = false;
    const first = await send(source, [filled(1)]);
    const second = source.startAtomicOp();
    second.catch(() => undefined);
    await source.abort();
    await expect(second).rejects.toMatchObject({ code: 'closed' });
    await expect(first.committed).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('A server that is slow', () => {
  it('is not given up while it takes a large operation, however long that lasts', async () => {
    const server = await TestServer.start();
    const way = await Proxy.start(() => server.port);
    way.bytesPerSecond = 8 << 20;
    let disconnected = 0;
    const source = await openSource([way.address], {
      answerMs: 3_000,
      onServerState: ({ kind }) => (disconnected += Number(kind === 'disconnected')),
    });
    const large = Array.from({ length: 40 }, (_, at) => filled(at, 1_000_000));
    const startedMs = performance.now();
    await commit(source, large);
    expect(performance.now() - startedMs).toBeGreaterThan(4_000);
    expect(disconnected).toBe(0);
    expect(server.totalEntries).toBe(40n);
  });

  it('is given up when it does not answer in time, and tried again', async () => {
    const server = await TestServer.start();
    const way = await Proxy.start(() => server.port);
    const errors: unknown[] = [];
    const source = await openSource([way.address], {
      answerMs: 100,
      onServerState: (state) => 'error' in state && errors.push(state.error),
    });
    way.passes.down = false;
    const { committed } = await send(source, [filled(1)]);
    await until(() => errors.length > 0);
    expect(errors[0]).toMatchObject({ code: 'timeout', message: `${way.address}: no answer in 100 ms` });
    way.cut();
    way.release();
    expect(await committed).toEqual({ firstEntry: 0n, nextEntry: 1n });
    expect(await server.entries()).toEqual(numbered([filled(1)]));
  });

  it('does not time out while nothing is asked of it', async () => {
    const server = await TestServer.start();
    const states: string[] = [];
    const source = await openSource([server.address], {
      answerMs: 1_000,
      onServerState: ({ kind }) => states.push(kind),
    });
    await sleep(1_500);
    await commit(source, [filled(1)]);
    expect(states).toEqual(['connected']);
  });
});

describe('The identity of the stream', () => {
  it('is what the header says', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    expect(await source.header()).toMatchObject({ ...identity, totalEntries: 0n });
  });

  it('is asked for between operations, however large they are', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    const sent = await send(
      source,
      Array.from({ length: 8 }, (_, at) => filled(at, 1_000_000)),
    );
    const headers = await Promise.all([source.header(), source.header()]);
    await sent.committed;
    expect(headers).toMatchObject([identity, identity]);
    expect(server.totalEntries).toBe(8n);
  });
});
