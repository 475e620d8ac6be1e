// Whatever happens to connections and servers, each operation is in the stream once, whole, and in order. The ways to
// the servers are cut at random bytes in both directions while operations are pipelined; then the streams are compared
// with what was committed, byte for byte.
import { describe, expect, it } from 'vitest';

import { effort, Random, seed } from '@ds/test-kit';
import type { StreamSource } from '../src/index.js';
import {
  commit,
  filled,
  numbered,
  openSource,
  operation,
  send,
  type PlainEntry,
} from './support/operations.js';
import { Proxy } from './support/proxy.js';
import { TestServer } from './support/test-server.js';

/** Sends operations without waiting; gives what they hold and when all are acknowledged. */
async function pipeline(source: StreamSource, operations: readonly PlainEntry[][]): Promise<PlainEntry[]> {
  const commits = [];
  for (const entries of operations) commits.push((await send(source, entries)).committed);
  const acknowledged = await Promise.all(commits);
  let next = 0n;
  acknowledged.forEach(({ firstEntry, nextEntry }, at) => {
    expect(firstEntry).toBe(next);
    expect(nextEntry - firstEntry).toBe(BigInt(operations[at]?.length ?? 0));
    next = nextEntry;
  });
  return operations.flat();
}

describe('Operations', () => {
  it('get the numbers that their acknowledgements say', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    expect(source.nextEntry).toBe(0n);
    expect(await commit(source, [filled(1), filled(2)])).toEqual({ firstEntry: 0n, nextEntry: 2n });
    expect(await commit(source, [filled(3)])).toEqual({ firstEntry: 2n, nextEntry: 3n });
    expect(source.nextEntry).toBe(3n);
    expect(await source.header()).toMatchObject({ totalEntries: 3n });
  });

  it('go on where the stream ends when a source starts again', async () => {
    const server = await TestServer.start();
    const first = await openSource([server.address]);
    await commit(first, [filled(1), filled(2)]);
    await first.close();
    const second = await openSource([server.address]);
    expect(second.nextEntry).toBe(2n);
    expect(await commit(second, [filled(3)])).toEqual({ firstEntry: 2n, nextEntry: 3n });
  });
});

describe('A connection that is cut again and again', () => {
  it('loses, doubles and reorders nothing, on one server and on two', async () => {
    for (let round = 0; round < 2 * effort; round++) {
      const random = new Random(seed + round);
      const servers = [await TestServer.start(), await TestServer.start()].slice(round % 2);
      const proxies = await Promise.all(servers.map((server) => Proxy.start(() => server.port)));
      for (const proxy of proxies) {
        proxy.budget = () => ({ up: random.integer(1, 6_000), down: random.integer(1, 1_000) });
      }
      const source = await openSource(proxies.map(({ address }) => address));
      const sent = await pipeline(
        source,
        Array.from({ length: 300 }, (_, index) => operation(index, random)),
      );
      await source.close();
      for (const server of servers) expect(await server.entries()).toEqual(numbered(sent));
      for (const { connections } of proxies) expect(connections).toBeGreaterThan(20);
    }
  });

  it.each([
    ['to the server', (up: number) => ({ up, down: Infinity })],
    // An answer has 49 bytes, where an operation has some 6,000.
    ['from the server', (up: number) => ({ up: Infinity, down: up / 120 })],
    ['either way', (up: number) => ({ up, down: up / 120 })],
  ])('every few hundred kilobytes, %s, brings in 12,000 entries, each once', async (_way, budget) => {
    const random = new Random();
    const server = await TestServer.start();
    const proxy = await Proxy.start(() => server.port);
    proxy.budget = () => budget(random.integer(200_000, 500_000));
    const source = await openSource([proxy.address], { windowBytes: 300_000 });
    const operations = Array.from({ length: 1_200 }, (_, at) =>
      Array.from({ length: 10 }, (_none, entry) => filled((at + entry) % 256, 600)),
    );
    const sent = await pipeline(source, operations);
    await source.close();
    expect(sent).toHaveLength(12_000);
    expect(await server.entries()).toEqual(numbered(sent));
    expect(proxy.connections).toBeGreaterThan(10);
  });

  it('behind an operation larger than all buffers starts it over', async () => {
    const server = await TestServer.start();
    const proxy = await Proxy.start(() => server.port);
    const cuts = [3_000_000, 5_500_000, Infinity];
    proxy.budget = () => ({ up: cuts.shift() ?? Infinity, down: Infinity });
    const source = await openSource([proxy.address]);
    const large = Array.from({ length: 6 }, (_, at) => filled(at, 1_000_000));
    await pipeline(source, [large, [filled(7)]]);
    expect(await server.entries()).toEqual(numbered([...large, filled(7)]));
    expect(proxy.connections).toBe(3);
  });
});

describe('A server that is restarted', () => {
  it('while operations are under way gets each of them once', async () => {
    const random = new Random();
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    const operations = Array.from({ length: 600 }, (_, index) => operation(index, random));
    const sending = pipeline(source, operations);
    for (let restart = 0; restart < 3; restart++) await server.restart();
    await sending;
    await server.restart();
    expect(await server.entries()).toEqual(numbered(operations.flat()));
  });

  it('is reached again after a long quiet', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    await commit(source, [filled(1)]);
    await server.restart();
    expect(await commit(source, [filled(2)])).toEqual({ firstEntry: 1n, nextEntry: 2n });
  });
});
