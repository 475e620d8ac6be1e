// Truncations and updates are done once, between the operations before and behind them, also when the connection is
// lost at the worst moment: when the server has done it and the answer is on its way, or has not and nobody knows.
import { describe, expect, it } from 'vitest';

import { commit, filled, numbered, openSource, send, sleep, until } from './support/operations.js';
import { Proxy } from './support/proxy.js';
import { TestServer } from './support/test-server.js';

describe('A truncation', () => {
  it('cuts between the operations before and behind it, none of them waited for', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    const before = await Promise.all([send(source, [filled(1), filled(2)])]);
    const second = await send(source, [filled(3)]);
    const truncated = source.truncate(1n);
    expect(source.nextEntry).toBe(1n);
    const behind = await send(source, [filled(4)]);
    expect(await behind.committed).toEqual({ firstEntry: 1n, nextEntry: 2n });
    await Promise.all([truncated, second.committed, ...before.map(({ committed }) => committed)]);
    expect(await server.entries()).toEqual(numbered([filled(1), filled(4)]));
  });

  it.each(['up', 'down'] as const)(
    'is done once when the connection is cut on its way %s',
    async (direction) => {
      const server = await TestServer.start();
      const way = await Proxy.start(() => server.port);
      const source = await openSource([way.address]);
      for (let value = 0; value < 4; value++) await commit(source, [filled(value)]);
      let truncations = 0;
      server.file.listen({ committed: () => undefined, truncated: () => truncations++ });
      way.passes[direction] = false;
      const truncated = source.truncate(2n);
      const behind = await send(source, [filled(8), filled(9)]);
      if (direction === 'down') {
        await until(() => truncations === 1);
        await sleep(50);
        // What comes behind waits, so that the number of entries tells whether it is done.
        expect(server.totalEntries).toBe(2n);
      }
      way.cut();
      way.release();
      await truncated;
      expect(await behind.committed).toEqual({ firstEntry: 2n, nextEntry: 4n });
      expect(truncations).toBe(1);
      expect(await server.entries()).toEqual(numbered([filled(0), filled(1), filled(8), filled(9)]));
    },
  );

  it('reaches a server that was down, in its place', async () => {
    const [up, down] = [await TestServer.start(), await TestServer.start()];
    const source = await openSource([up.address, down.address], { quorum: 'any' });
    await down.stop();
    await commit(source, [filled(1), filled(2), filled(3)]);
    await source.truncate(1n);
    await commit(source, [filled(4)]);
    await source.truncate(0n);
    await commit(source, [filled(5)]);
    await down.start();
    await until(() => down.totalEntries === 1n);
    await source.close();
    expect(await down.entries()).toEqual(numbered([filled(5)]));
    expect(await up.entries()).toEqual(numbered([filled(5)]));
  });

  it.each([-1n, 1n, 2n ** 64n])('at entry %d of one is refused before anybody is asked', async (entry) => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    await commit(source, [filled(1)]);
    await expect(source.truncate(entry)).rejects.toMatchObject({ code: 'bad-entry' });
    expect(await commit(source, [filled(2)])).toEqual({ firstEntry: 1n, nextEntry: 2n });
  });
});

describe('An update', () => {
  it('is done between the operations before and behind it', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    const first = await send(source, [filled(1), filled(2)]);
    const updated = source.updateEntry(1n, 1, Uint8Array.of(7));
    const behind = await send(source, [filled(3)]);
    await Promise.all([first.committed, updated, behind.committed]);
    expect(await server.entries()).toEqual(numbered([filled(1), filled(7), filled(3)]));
  });

  it.each(['up', 'down'] as const)('is done when the connection is cut on its way %s', async (direction) => {
    const server = await TestServer.start();
    const way = await Proxy.start(() => server.port);
    const source = await openSource([way.address]);
    await commit(source, [filled(1)]);
    way.passes[direction] = false;
    const updated = source.updateEntry(0n, 1, Uint8Array.of(7));
    const behind = await send(source, [filled(3)]);
    if (direction === 'down') {
      const data = async (): Promise<number | undefined> => (await server.file.getEntry(0n))?.data[0];
      while ((await data()) !== 7) await sleep(2);
    }
    way.cut();
    way.release();
    await Promise.all([updated, behind.committed]);
    expect(await server.entries()).toEqual(numbered([filled(7), filled(3)]));
  });

  it.each([
    { what: 'another length', type: 1, data: Uint8Array.of(1, 2), code: 60 },
    { what: 'another type', type: 2, data: Uint8Array.of(1), code: 60 },
    { what: 'a bookmark', type: 0xb0, data: Uint8Array.of(1), code: 58 },
  ])('to $what is refused by all servers, and the stream goes on', async ({ type, data, code }) => {
    const servers = [await TestServer.start(), await TestServer.start()];
    const source = await openSource(servers.map(({ address }) => address));
    await commit(source, [filled(1)]);
    const updated = source.updateEntry(0n, type, data);
    const behind = await send(source, [filled(2)]);
    await expect(updated).rejects.toMatchObject({ code: 'refused', result: { code } });
    await behind.committed;
    for (const server of servers) expect(await server.entries()).toEqual(numbered([filled(1), filled(2)]));
  });

  it('of an entry that does not exist is refused before anybody is asked', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    const updated = source.updateEntry(0n, 1, Uint8Array.of(1));
    await expect(updated).rejects.toMatchObject({ code: 'bad-entry' });
  });
});
