// Goal: a client can be ended at any moment, and everything that was under way ends at once, leaving no connection, no timer and
// no rejection that nobody handles: with `closed` if the client was closed, with its reason if it was a signal.
import { describe, expect, it, onTestFinished } from 'vitest';

import { goldenEntries } from '../../codec/test/golden.js';
import { sleep } from '../../server/test/support/peer.js';
import { bytesOf, goldenStream, serve } from '../../server/test/support/stream.js';
import type { StreamClient } from '../src/index.js';
import { answering, FakeServer, headerAnswer, OK } from './support/fake-server.js';
import { addressOf, client, collect } from './support/follow.js';

const closed = { name: 'ClientError', code: 'closed', message: 'the client is closed' };
const enough = new Error('enough');

/** Servers that leave a client waiting at every step of the way. */
const stages: [string, Parameters<typeof FakeServer.start>[0]][] = [
  ['the header', (socket) => socket.resume()],
  ['the start', answering((command) => (command.kind === 'header' ? headerAnswer : undefined))],
  ['the first entry', answering((command) => (command.kind === 'header' ? headerAnswer : OK))],
  [
    'the next entry',
    answering((command) =>
      command.kind === 'header' ? headerAnswer : Buffer.concat([OK, bytesOf(goldenEntries)]),
    ),
  ],
  ['a new connection', (socket) => socket.destroy()],
];
const ways: [string, (following: StreamClient, abort: AbortController) => unknown, object][] = [
  ['close', (following) => following.close(), closed],
  [
    'the signal',
    (_following, abort) => {
      abort.abort(enough);
    },
    enough,
  ],
];

describe.each(stages)('While following waits for %s', (_stage, behaviour) => {
  it.each(ways)('%s ends it', async (_way, end, reason) => {
    const server = await FakeServer.start(behaviour);
    const abort = new AbortController();
    const following = client(server.address, {
      retry: { attemptsMax: 1_000, firstMs: 10_000, longestMs: 10_000 },
    });
    const outcome = collect(following, { signal: abort.signal });
    const rejection = expect(outcome).rejects.toMatchObject(reason);
    await expect.poll(() => server.connections).toBe(1);
    await sleep(30);
    const begunMs = performance.now();
    await end(following, abort);
    await rejection;
    expect(performance.now() - begunMs).toBeLessThan(500);
    await expect
      .poll(() => server.sockets.every((socket) => socket.destroyed || socket.readableEnded))
      .toBe(true);
  });
});

describe('Closing a client', () => {
  it('ends queries that wait for an answer, and refuses later ones', async () => {
    const server = await FakeServer.start(() => undefined);
    const asking = client(server.address);
    const rejections = [asking.header(), asking.entry(1n), asking.bookmark(Uint8Array.of(1))].map((query) =>
      expect(query).rejects.toMatchObject(closed),
    );
    await expect.poll(() => server.connections).toBe(1);
    await asking.close();
    await Promise.all(rejections);
    await expect(asking.header()).rejects.toMatchObject(closed);
    await expect(collect(asking, {})).rejects.toMatchObject(closed);
    expect(server.connections).toBe(1);
  });

  it('ends all that it follows, and its connections', async () => {
    const server = await serve(await goldenStream());
    const following = client(addressOf(server));
    const streams = Array.from({ length: 5 }, () => following.follow({ from: 3n }).next());
    const rejections = streams.map((stream) => expect(stream).rejects.toMatchObject(closed));
    await following.header();
    await expect.poll(() => server.clientCount).toBe(6);
    await following.close();
    await Promise.all(rejections);
    await expect.poll(() => server.clientCount).toBe(0);
  });

  it('is done once however often it is called, also before anything was asked', async () => {
    const unused = client('127.0.0.1:1');
    await unused.close();
    await unused.close();
    await expect(unused.header()).rejects.toMatchObject(closed);
  });

  it('happens at the end of an `await using` block', async () => {
    const server = await serve(await goldenStream());
    {
      await using asking = client(addressOf(server));
      await asking.header();
      expect(server.clientCount).toBe(1);
    }
    await expect.poll(() => server.clientCount).toBe(0);
  });

  it('drops entries that have come and that nobody has taken', async () => {
    const server = await serve(await goldenStream());
    const abort = new AbortController();
    const following = client(addressOf(server)).followBatches({ signal: abort.signal });
    await server.file.ready();
    const first = await following.next();
    expect(first.done).toBe(false);
    server.file.startAtomicOp();
    server.file.addStreamEntry(1, Uint8Array.of(1));
    await server.file.commitAtomicOp();
    await sleep(50);
    abort.abort(enough);
    await expect(following.next()).rejects.toBe(enough);
  });
});

describe('A signal that is aborted before', () => {
  it('lets nothing begin', async () => {
    const server = await FakeServer.start(() => undefined);
    const signal = AbortSignal.abort(enough);
    const asking = client(server.address);
    await expect(collect(asking, { signal })).rejects.toBe(enough);
    await expect(asking.header({ signal })).rejects.toBe(enough);
    await expect(asking.reach({ signal })).rejects.toBe(enough);
    expect(server.connections).toBe(0);
  });
});

describe('A signal', () => {
  it('ends a query alone: others of the same connection are answered', async () => {
    const server = await FakeServer.start(() => undefined);
    const asking = client(server.address);
    const abort = new AbortController();
    const waiting = asking.entry(1n);
    const rejection = expect(waiting).rejects.toMatchObject(closed);
    const given = asking.header({ signal: abort.signal });
    abort.abort(enough);
    await expect(given).rejects.toBe(enough);
    await expect.poll(() => server.connections).toBe(1);
    await asking.close();
    await rejection;
  });

  it('can be that of any number of calls, without a warning', async () => {
    const asking = client(addressOf(await serve(await goldenStream())));
    const warnings: Error[] = [];
    const warn = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warn);
    onTestFinished(() => void process.off('warning', warn));
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 30 }, () => asking.header({ signal })));
    await Promise.all(Array.from({ length: 30 }, () => asking.follow({ signal }).next()));
    expect(warnings).toEqual([]);
  });
});
