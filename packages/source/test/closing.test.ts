// How a source ends: close() when all is where it should be, abort() at once; neither leaves anything behind.
import { describe, expect, it } from 'vitest';

import { StreamSource } from '../src/index.js';
import { commit, filled, numbered, openSource, send, sleep, until } from './support/operations.js';
import { Proxy } from './support/proxy.js';
import { identity, TestServer } from './support/test-server.js';

/** What keeps the process alive, of the kinds that a source makes. */
function resources(): string[] {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout' || kind === 'TCPSocketWrap');
}

describe('close()', () => {
  it('waits until all is acknowledged', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    const sent = [];
    for (let value = 0; value < 50; value++) sent.push(await send(source, [filled(value)]));
    await source.close();
    expect(server.totalEntries).toBe(50n);
    await Promise.all(sent.map(({ committed }) => committed));
  });

  it('waits also for a connected server that the quorum can do without', async () => {
    const [fast, slow] = [await TestServer.start(), await TestServer.start()];
    const way = await Proxy.start(() => slow.port);
    const source = await openSource([fast.address, way.address], { quorum: 'any' });
    way.passes.up = false;
    await commit(source, [filled(1)]);
    const closed = source.close();
    await sleep(50);
    expect(slow.totalEntries).toBe(0n);
    way.release();
    await closed;
    expect(slow.totalEntries).toBe(1n);
  });

  it('does not wait for a server that is down when the quorum can do without it', async () => {
    const [up, down] = [await TestServer.start(), await TestServer.start()];
    const source = await openSource([up.address, down.address], { quorum: 'any' });
    await down.stop();
    await commit(source, [filled(1)]);
    await source.close();
  });

  it('leaves out an operation that is open, which cannot be committed any more', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    await commit(source, [filled(1)]);
    const operation = await source.startAtomicOp();
    operation.addEntry(1, Uint8Array.of(2));
    await source.close();
    await expect(operation.commit()).rejects.toMatchObject({ code: 'closed' });
    expect(await server.entries()).toEqual(numbered([filled(1)]));
  });

  it('ends the source: whatever is asked of it then is refused, and closing again does nothing', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    await source.close();
    await source.close();
    const closed = { code: 'closed' };
    await expect(source.startAtomicOp()).rejects.toMatchObject(closed);
    await expect(source.truncate(0n)).rejects.toMatchObject(closed);
    await expect(source.header()).rejects.toMatchObject(closed);
  });

  it('rejects when it is cut short by abort()', async () => {
    const server = await TestServer.start();
    const way = await Proxy.start(() => server.port);
    const source = await openSource([way.address]);
    way.passes.down = false;
    const { committed } = await send(source, [filled(1)]);
    const closed = source.close();
    closed.catch(() => undefined);
    await source.abort();
    await expect(closed).rejects.toMatchObject({ code: 'closed' });
    await expect(committed).rejects.toMatchObject({ code: 'closed' });
  });

  it('resolves when all was acknowledged before another source took over', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    await commit(source, [filled(1)]);
    await openSource([server.address]);
    await expect
      .poll(() => source.startAtomicOp().catch((error: unknown) => error))
      .toMatchObject({
        code: 'fenced',
      });
    await source.close();
  });

  it('rejects when another source took over before all was acknowledged', async () => {
    const server = await TestServer.start();
    const way = await Proxy.start(() => server.port);
    const source = await openSource([way.address]);
    way.passes.up = false;
    const { committed } = await send(source, [filled(1)]);
    await openSource([server.address]);
    await expect(committed).rejects.toMatchObject({ code: 'fenced' });
    await expect(source.close()).rejects.toMatchObject({ code: 'fenced' });
  });

  it('is what the end of an `await using` block does', async () => {
    const server = await TestServer.start();
    {
      await using source = await StreamSource.open({
        servers: [server.address],
        systemId: identity.systemId,
      });
      await send(source, [filled(1)]);
    }
    expect(server.totalEntries).toBe(1n);
  });
});

describe('abort()', () => {
  it('rejects what is not acknowledged, at once', async () => {
    const server = await TestServer.start();
    const way = await Proxy.start(() => server.port);
    const source = await openSource([way.address]);
    way.passes.down = false;
    const { committed } = await send(source, [filled(1)]);
    const truncated = source.truncate(0n);
    truncated.catch(() => undefined);
    await source.abort();
    await expect(committed).rejects.toMatchObject({ code: 'closed' });
    await expect(truncated).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('After abort()', () => {
  it('nothing is left to be closed: the end of an `await using` block does not fail', async () => {
    const server = await TestServer.start();
    const way = await Proxy.start(() => server.port);
    {
      await using source = await openSource([way.address]);
      way.passes.down = false;
      const { committed } = await send(source, [filled(1)]);
      await source.abort();
      await expect(committed).rejects.toMatchObject({ code: 'closed', message: 'the source is closed' });
      await expect(source.header()).rejects.toMatchObject({ code: 'closed' });
    }
  });
});

describe('Nothing is left behind', () => {
  it('by a source that was used, cut off, and closed', async () => {
    const server = await TestServer.start();
    const way = await Proxy.start(() => server.port);
    const before = resources();
    const source = await openSource([way.address]);
    await commit(source, [filled(1)]);
    way.cut();
    await commit(source, [filled(2)]);
    await source.close();
    await until(() => resources().length <= before.length);
  });

  it('by one that is aborted while its servers are down', async () => {
    const server = await TestServer.start();
    const before = resources().filter((kind) => kind === 'Timeout');
    const source = await openSource([server.address], { retry: { firstMs: 60_000, longestMs: 60_000 } });
    await server.stop();
    const { committed } = await send(source, [filled(1)]);
    await sleep(20);
    await source.abort();
    await expect(committed).rejects.toMatchObject({ code: 'closed' });
    await until(() => resources().filter((kind) => kind === 'Timeout').length <= before.length);
  });

  it('by one that could not be opened', async () => {
    const before = resources();
    await expect(openSource(['127.0.0.1:1'], { openMs: 50 })).rejects.toMatchObject({ code: 'no-server' });
    await until(() => resources().length <= before.length);
  });
});

describe('A callback that throws', () => {
  it('is its owner’s to catch: the source goes on', async () => {
    const server = await TestServer.start();
    const thrown: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => thrown.push(error));
    try {
      const source = await openSource([server.address], {
        onServerState: () => {
          throw new Error('not mine');
        },
      });
      expect(await commit(source, [filled(1)])).toMatchObject({ nextEntry: 1n });
      expect(thrown).toMatchObject([{ message: 'not mine' }]);
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });
});
