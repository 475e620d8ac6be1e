// Several servers take every operation in the same order. How many of them must have it is the quorum's matter; one
// that is down holds nobody else up and is caught up from the log; one with another stream gets nothing.
import { describe, expect, it } from 'vitest';

import type { ServerState } from '../src/index.js';
import { commit, filled, numbered, openSource, send, sleep, until } from './support/operations.js';
import { Proxy } from './support/proxy.js';
import { TestServer } from './support/test-server.js';

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true), sleep(100).then(() => false)]);
}

describe('A quorum', () => {
  it('of all waits for the last server', async () => {
    const [fast, slow] = [await TestServer.start(), await TestServer.start()];
    const way = await Proxy.start(() => slow.port);
    const source = await openSource([fast.address, way.address]);
    way.passes.down = false;
    const { committed } = await send(source, [filled(1)]);
    await until(() => fast.totalEntries === 1n && slow.totalEntries === 1n);
    expect(await isSettled(committed)).toBe(false);
    way.release();
    expect(await committed).toEqual({ firstEntry: 0n, nextEntry: 1n });
  });

  it('of any waits for the first one only', async () => {
    const [fast, slow] = [await TestServer.start(), await TestServer.start()];
    const way = await Proxy.start(() => slow.port);
    const source = await openSource([fast.address, way.address], { quorum: 'any' });
    way.passes.down = false;
    expect(await commit(source, [filled(1)])).toEqual({ firstEntry: 0n, nextEntry: 1n });
  });

  it('of a number waits for that many, whichever they are', async () => {
    const servers = [await TestServer.start(), await TestServer.start(), await TestServer.start()];
    const ways = await Promise.all(servers.map((server) => Proxy.start(() => server.port)));
    const source = await openSource(
      ways.map(({ address }) => address),
      { quorum: 2 },
    );
    for (const way of ways) way.passes.down = false;
    const { committed } = await send(source, [filled(1)]);
    ways[2]?.release();
    expect(await isSettled(committed)).toBe(false);
    ways[0]?.release();
    await committed;
  });

  it.each([0, -1, 1.5, 3, NaN])('of %d among two servers is refused', async (quorum) => {
    const opened = openSource(['127.0.0.1:1', '127.0.0.1:2'], { quorum });
    await expect(opened).rejects.toMatchObject({ code: 'bad-option' });
  });
});

describe('A server that is down', () => {
  it('at first is fed from the beginning when it comes', async () => {
    const [up, down] = [await TestServer.start(), await TestServer.start()];
    await down.stop();
    const source = await openSource([up.address, down.address], { quorum: 'any' });
    for (let value = 0; value < 50; value++) await commit(source, [filled(value)]);
    await down.start();
    await until(() => down.totalEntries === 50n);
    expect(await down.entries()).toEqual(await up.entries());
  });

  it('in between is caught up from the log, and then keeps step', async () => {
    const [up, down] = [await TestServer.start(), await TestServer.start()];
    const source = await openSource([up.address, down.address], { quorum: 'any' });
    await commit(source, [filled(1)]);
    await until(() => down.totalEntries === 1n);
    await down.stop();
    for (let value = 0; value < 200; value++) await commit(source, [filled(value, 100)]);
    await down.start();
    await commit(source, [filled(2)]);
    await until(() => down.totalEntries === 202n);
    expect(await down.entries()).toEqual(await up.entries());
  });

  it('for longer than the log reaches is left out, and the others go on', async () => {
    const [up, down] = [await TestServer.start(), await TestServer.start()];
    const states: ServerState[] = [];
    const source = await openSource([up.address, down.address], {
      quorum: 'any',
      keptBytesMax: 10_000,
      onServerState: (state) => states.push(state),
    });
    await down.stop();
    for (let value = 0; value < 30; value++) await commit(source, [filled(value, 1_000)]);
    const leftOut = states.find(({ kind }) => kind === 'left-out');
    expect(leftOut).toMatchObject({ server: down.address, error: { code: 'differs' } });
    expect(leftOut).toMatchObject({ error: { message: expect.stringContaining('10000 bytes') as string } });
    expect(await commit(source, [filled(1)])).toMatchObject({ nextEntry: 31n });
  });

  it('within what the log keeps is not left out', async () => {
    const [up, down] = [await TestServer.start(), await TestServer.start()];
    const source = await openSource([up.address, down.address], { quorum: 'any', keptBytesMax: 50_000 });
    await down.stop();
    for (let value = 0; value < 30; value++) await commit(source, [filled(value, 1_000)]);
    await down.start();
    await until(() => down.totalEntries === 30n);
    expect(await down.entries()).toEqual(await up.entries());
  });
});

describe('A server whose stream is another', () => {
  async function filledServer(entries: number): Promise<TestServer> {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    if (entries > 0)
      await commit(
        source,
        Array.from({ length: entries }, (_, at) => filled(at)),
      );
    await source.close();
    return server;
  }

  it('is left out at the start when it is behind: what it lacks is nowhere', async () => {
    const [ahead, behind] = [await filledServer(5), await filledServer(3)];
    const states: ServerState[] = [];
    const onServerState = (state: ServerState): number => states.push(state);
    const source = await openSource([behind.address, ahead.address], { onServerState });
    expect(source.nextEntry).toBe(5n);
    await commit(source, [filled(9)]);
    expect(states).toContainEqual(
      expect.objectContaining({
        kind: 'left-out',
        server: behind.address,
        error: expect.objectContaining({ code: 'differs' }) as Error,
      }),
    );
    expect(behind.totalEntries).toBe(3n);
    expect(ahead.totalEntries).toBe(6n);
  });

  it('is left out when it comes later and has entries that this source has not sent it', async () => {
    const [up, other] = [await filledServer(0), await filledServer(2)];
    await other.stop();
    const states: ServerState[] = [];
    const onServerState = (state: ServerState): number => states.push(state);
    const source = await openSource([up.address, other.address], { quorum: 'any', onServerState });
    // As many entries as the other one has: only that it was never fed tells them apart.
    await commit(source, [filled(7), filled(8)]);
    await commit(source, [filled(9)]);
    await other.start();
    await until(() => states.some(({ kind }) => kind === 'left-out'));
    expect(other.totalEntries).toBe(2n);
    expect(await other.entries()).toEqual(numbered([filled(0), filled(1)]));
  });

  it('ends the source when no other is left', async () => {
    const server = await filledServer(3);
    const source = await openSource([server.address]);
    await commit(source, [filled(1)]);
    await server.stop();
    const { committed } = await send(source, [filled(2)]);
    // Somebody puts an older copy of the file in its place.
    await server.start();
    await server.file.truncateFile(1n);
    const failed = expect(committed.then(() => commit(source, [filled(3)]))).rejects;
    await failed.toMatchObject({ code: 'no-server', message: expect.stringContaining('left') as string });
  });

  it('with another system id is left out', async () => {
    const server = await TestServer.start();
    await expect(openSource([server.address], { systemId: 5n })).rejects.toMatchObject({
      code: 'no-server',
      cause: { code: 'refused', result: { code: 49 } },
    });
  });
});

describe('Servers that cannot be reached', () => {
  it('are waited for as long as told, and then named', async () => {
    const server = await TestServer.start();
    await server.stop();
    const opened = openSource([server.address], { openMs: 100 });
    await expect(opened).rejects.toMatchObject({
      code: 'no-server',
      message: expect.stringMatching(`100 ms.*${server.address}.*ECONNREFUSED`) as string,
    });
  });

  it('do not keep the source from the one that is there', async () => {
    const server = await TestServer.start();
    const silent = await Proxy.start(() => server.port);
    silent.passes.up = false;
    const source = await openSource([silent.address, server.address], { openMs: 100, quorum: 'any' });
    expect(await commit(source, [filled(1)])).toMatchObject({ nextEntry: 1n });
  });

  it('come up while the source waits', async () => {
    const server = await TestServer.start();
    await server.stop();
    const opening = openSource([server.address]);
    await sleep(50);
    await server.start();
    expect((await opening).nextEntry).toBe(0n);
  });
});
