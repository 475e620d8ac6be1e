// One writer: the source with the highest epoch. A source that is fenced knows it, and writes nothing any more.
import { describe, expect, it } from 'vitest';

import type { ServerState } from '../src/index.js';
import { commit, filled, numbered, openSource, send, until } from './support/operations.js';
import { Proxy } from './support/proxy.js';
import { TestServer } from './support/test-server.js';

describe('A source with a higher epoch', () => {
  it('takes over: the other one’s commits are rejected, and so is all that it does later', async () => {
    const server = await TestServer.start();
    const states: ServerState[] = [];
    const old = await openSource([server.address], {
      epoch: 1n,
      onServerState: (state) => states.push(state),
    });
    await commit(old, [filled(1)]);
    const taking = await openSource([server.address], { epoch: 2n });
    expect(taking.nextEntry).toBe(1n);
    await until(() => states.some(({ kind }) => kind === 'left-out'));
    await expect(old.startAtomicOp()).rejects.toMatchObject({ code: 'fenced' });
    await expect(old.truncate(0n)).rejects.toMatchObject({ code: 'fenced' });
    await expect(old.header()).rejects.toMatchObject({ code: 'fenced' });
    await commit(taking, [filled(2)]);
    expect(await server.entries()).toEqual(numbered([filled(1), filled(2)]));
  });

  it('takes over while operations are under way: each of them is in, or its commit is rejected', async () => {
    const server = await TestServer.start();
    const way = await Proxy.start(() => server.port);
    const old = await openSource([way.address], { epoch: 1n });
    way.passes.up = false;
    const { committed } = await send(old, [filled(1)]);
    await openSource([server.address], { epoch: 2n });
    way.release();
    await expect(committed).rejects.toMatchObject({ code: 'fenced' });
    await expect(old.close()).rejects.toMatchObject({ code: 'fenced' });
    expect(server.totalEntries).toBe(0n);
  });

  it('on one of several servers fences the source as a whole', async () => {
    const [one, other] = [await TestServer.start(), await TestServer.start()];
    const old = await openSource([one.address, other.address], { epoch: 1n, quorum: 'any' });
    await openSource([other.address], { epoch: 2n });
    await until(() => other.file.epoch === 2n);
    const writing = (async () => {
      for (;;) await commit(old, [filled(1)]);
    })();
    await expect(writing).rejects.toMatchObject({ code: 'fenced' });
  });
});

describe('A source with a lower epoch', () => {
  it('is refused, also after the other one is gone', async () => {
    const server = await TestServer.start();
    const first = await openSource([server.address], { epoch: 5n });
    await first.close();
    await server.restart();
    await expect(openSource([server.address], { epoch: 4n })).rejects.toMatchObject({ code: 'fenced' });
  });
});

describe('A source with the same epoch', () => {
  it('waits until the other one is gone', async () => {
    const server = await TestServer.start();
    const first = await openSource([server.address], { epoch: 5n });
    const states: ServerState[] = [];
    const opening = openSource([server.address], { epoch: 5n, onServerState: (state) => states.push(state) });
    await until(() => states.length >= 2);
    expect(states[0]).toMatchObject({
      kind: 'disconnected',
      error: { code: 'refused', result: { code: 51 } },
    });
    await commit(first, [filled(1)]);
    await first.close();
    expect((await opening).nextEntry).toBe(1n);
  });
});

describe('The epoch of a source that is given none', () => {
  it('is the time, so that the one started last writes', async () => {
    const server = await TestServer.start();
    const beforeMs = Date.now();
    await openSource([server.address]);
    expect(Number(server.file.epoch)).toBeGreaterThanOrEqual(beforeMs);
    expect(Number(server.file.epoch)).toBeLessThanOrEqual(Date.now());
  });
});
