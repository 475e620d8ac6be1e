// Goal: whatever happens to the connection, `follow` gives each entry once, in order, or says what is wrong. The network
// is a proxy that cuts connections at every place there is.
import { describe, expect, it } from 'vitest';
import { encodeHeader, encodeResult, result, ResultCode, type Entry } from '@ds/codec';

import { Random, effort, seed } from '@ds/test-kit';
import { goldenEntries, goldenHeader } from '../../codec/test/golden.js';
import { sleep } from '../../server/test/support/peer.js';
import {
  bytesOf,
  commit,
  emptyStream,
  goldenStream,
  numbered,
  serve,
} from '../../server/test/support/stream.js';
import {
  positionAfter,
  type FollowOptions,
  type FollowState,
  type StreamClientOptions,
  type StreamPosition,
} from '../src/index.js';
import { CuttingProxy } from './support/cutting-proxy.js';
import { answering, FakeServer, headerAnswer, OK } from './support/fake-server.js';
import { addressOf, client, collect, digits, key, more } from './support/follow.js';

const patient = { retry: { attemptsMax: 10_000 } };

describe('A connection that is cut', () => {
  // OK and header, OK, and the three entries.
  const sessionBytes = 11 + 38 + 11 + bytesOf(goldenEntries).length;

  it.each([
    ['from the start', { count: 3n }, goldenEntries],
    ['from an entry', { from: 2n, count: 1n }, goldenEntries.slice(2)],
    ['from a bookmark', { from: key, count: 3n }, goldenEntries],
  ] as [string, FollowOptions, Entry[]][])(
    'after any number of bytes is made again, %s',
    async (_name, options, expected) => {
      const server = await serve(await goldenStream());
      for (let bytes = 0; bytes <= sessionBytes; bytes++) {
        const proxy = await CuttingProxy.start({
          port: () => server.clientAddress.port,
          cutAfter: (nth) => (nth === 0 ? bytes : undefined),
        });
        expect(digits(await collect(client(proxy.address), options)), `cut after ${bytes} bytes`).toEqual(
          digits(expected),
        );
        expect(proxy.connections).toBeLessThanOrEqual(2);
      }
    },
  );

  it('before the first entry has come leads to where it was to start, and not to entry 0', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    const proxy = await CuttingProxy.start({
      port: () => server.clientAddress.port,
      cutAfter: (nth) => (nth < 3 ? 11 + 38 + 11 : undefined),
    });
    const following = collect(client(proxy.address), { from: 'latest', count: 2n });
    await expect.poll(() => proxy.connections).toBe(4);
    await commit(file, more);
    expect(digits(await following)).toEqual(digits(more));
  });

  it('within an entry that has overwritten the last one in the buffer is made again where it was', async () => {
    const next = bytesOf(numbered(3n, [{ type: 3, data: new Uint8Array(100).fill(7) }]));
    const server = await FakeServer.start(
      answering((command, socket, nth) => {
        if (command.kind === 'header') return headerAnswer;
        if (nth > 0) return Buffer.concat([OK, bytesOf(goldenEntries.slice(2)), next]);
        void sleep(50).then(() => socket.end(next.subarray(0, 100)));
        return Buffer.concat([OK, bytesOf(goldenEntries)]);
      }),
    );
    const given: bigint[] = [];
    for await (const batch of client(server.address).followBatches({ count: 4n, reuseBuffer: true }))
      given.push(...Array.from(batch, ({ number }) => number));
    expect(given).toEqual([0n, 1n, 2n, 3n]);
    expect(server.connections).toBe(2);
  });

  it('while the stream is quiet does not lose what is committed meanwhile', async () => {
    const file = await goldenStream();
    const first = await serve(file);
    const { port } = first.clientAddress;
    const states: string[] = [];
    const onState = ({ kind }: FollowState): void => void states.push(kind);
    const following = collect(client(addressOf(first), { ...patient, onState }), { count: 5n });
    await expect.poll(() => states).toContain('live');
    await first.close();
    await expect.poll(() => states).toContain('reconnecting');
    await commit(file, more);
    await serve(file, { clients: { host: '127.0.0.1', port } });
    expect(digits(await following)).toEqual(digits([...goldenEntries, ...more]));
  });

  it(`again and again, at random places, during commits, is made again each time (seed ${seed})`, async () => {
    const random = new Random();
    const file = await emptyStream({ pageBytes: 4096 });
    const server = await serve(file);
    const operations = 150 * effort;
    const written: Entry[] = [];
    const proxies = await Promise.all(
      Array.from({ length: 4 }, () =>
        CuttingProxy.start({
          port: () => server.clientAddress.port,
          cutAfter: () => random.integer(0, 6_000),
        }),
      ),
    );
    const total = Array.from({ length: operations }, () => random.integer(1, 10));
    const count = BigInt(total.reduce((sum, each) => sum + each, 0));
    const followers = proxies.map(({ address }) => collect(client(address, patient), { count }));
    for (const each of total) {
      const entries = numbered(
        file.nextEntry,
        Array.from({ length: each }, () => ({ type: 1, data: random.bytes(random.integer(0, 300)) })),
      );
      written.push(...entries);
      await commit(file, entries);
      if (random.chance(0.2)) await sleep(1);
    }
    for (const entries of await Promise.all(followers)) expect(digits(entries)).toEqual(digits(written));
    for (const proxy of proxies) expect(proxy.connections).toBeGreaterThan(5);
  });
});

describe('A long stream over connections that are cut every few hundred KB', () => {
  it.each(['follow', 'followBatches'] as const)(
    `comes as a whole, once and in order, by %s (seed ${seed})`,
    async (kind) => {
      const random = new Random();
      const file = await emptyStream();
      const count = 12_000;
      const written = numbered(
        0n,
        Array.from({ length: count }, (_none, at) => ({
          type: 1,
          data: Buffer.alloc(random.integer(0, 2_000), at),
        })),
      );
      for (let at = 0; at < count; at += 100) await commit(file, written.slice(at, at + 100));
      const server = await serve(file);
      const proxy = await CuttingProxy.start({
        port: () => server.clientAddress.port,
        cutAfter: () => random.integer(100_000, 500_000),
      });
      const following = client(proxy.address, patient);
      let next = 0;
      const take = ({ number, data }: Entry): void => {
        if (number !== BigInt(next) || Buffer.compare(data, written[next]!.data) !== 0)
          throw new Error(`entry ${number} where entry ${next} was due, or another one`);
        next++;
      };
      if (kind === 'follow') for await (const entry of following.follow({ count: 12_000n })) take(entry);
      else
        for await (const batch of following.followBatches({ count: 12_000n, reuseBuffer: true }))
          for (const entry of batch) take(entry);
      expect(next).toBe(count);
      expect(proxy.connections).toBeGreaterThan(20);
    },
  );
});

describe('A server that is another one after a reconnect', () => {
  /** Follows through a proxy that is cut behind all of the golden stream, and then leads to `port`. */
  async function followOn(port: number, options: FollowOptions = {}): Promise<Entry[]> {
    const golden = await serve(await goldenStream());
    const proxy = await CuttingProxy.start({
      port: (nth) => (nth === 0 ? golden.clientAddress.port : port),
      cutAfter: (nth) => (nth === 0 ? 11 + 38 + 11 + bytesOf(goldenEntries).length : undefined),
    });
    return collect(client(proxy.address), { count: 5n, ...options });
  }

  it('with the same stream goes on with it', async () => {
    const file = await goldenStream();
    await commit(file, more);
    const server = await serve(file);
    expect(digits(await followOn(server.clientAddress.port))).toEqual(digits([...goldenEntries, ...more]));
  });

  it('with a shorter stream is told by its size', async () => {
    const file = await goldenStream();
    await file.truncateFile(2n);
    const server = await serve(file);
    await expect(followOn(server.clientAddress.port)).rejects.toMatchObject({
      name: 'ClientError',
      code: 'beyond-end',
      totalEntries: 2n,
    });
  });

  it('with another stream of the same name is told by the last entry', async () => {
    const file = await emptyStream();
    await commit(file, [...goldenEntries.slice(0, 2), { type: 9, data: new Uint8Array(0) }, ...more]);
    const server = await serve(file);
    await expect(followOn(server.clientAddress.port)).rejects.toMatchObject({ code: 'wrong-stream' });
  });

  it('with a stream of another chain is told by its header', async () => {
    const header = encodeHeader({ ...goldenHeader, systemId: 138n });
    const server = await FakeServer.start(answering(() => Buffer.concat([OK, header])));
    await expect(followOn(Number(server.address.split(':')[1]))).rejects.toMatchObject({
      code: 'wrong-stream',
      message: expect.stringContaining('138') as string,
    });
  });
});

describe('Going on with a stream that was followed before', () => {
  it('works where the server still has the last entry', async () => {
    const server = await serve(await goldenStream());
    const from = positionAfter(goldenHeader, bytesOf(goldenEntries.slice(0, 1)));
    const rest = await collect(client(addressOf(server)), { from, count: 2n });
    expect(digits(rest)).toEqual(digits(goldenEntries.slice(1)));
    const end = collect(client(addressOf(server)), {
      from: positionAfter(goldenHeader, bytesOf(goldenEntries.slice(2))),
      count: 1n,
    });
    await commit(server.file, more.slice(0, 1));
    expect(digits(await end)).toEqual(digits(more.slice(0, 1)));
  });

  it('is refused where it has another one, or none', async () => {
    const server = await serve(await goldenStream());
    const before = (number: bigint): StreamPosition =>
      positionAfter(goldenHeader, bytesOf([{ type: 1, number, data: new Uint8Array(3) }]));
    await expect(collect(client(addressOf(server)), { from: before(0n) })).rejects.toMatchObject({
      code: 'wrong-stream',
    });
    await expect(collect(client(addressOf(server)), { from: before(6n) })).rejects.toMatchObject({
      code: 'beyond-end',
      totalEntries: 3n,
    });
  });
});

describe('A place to start from that is not there', () => {
  it('is told: an entry beyond the end, with the size of the stream', async () => {
    const server = await serve(await goldenStream());
    const following = collect(client(addressOf(server)), { from: 4n });
    await expect(following).rejects.toMatchObject({
      name: 'ClientError',
      code: 'beyond-end',
      totalEntries: 3n,
    });
  });

  it('is told: an entry that was cut off between the header and the start', async () => {
    const shorter = Buffer.concat([OK, encodeHeader({ ...goldenHeader, totalEntries: 1n })]);
    let headers = 0;
    const server = await FakeServer.start(
      answering((command) => {
        if (command.kind !== 'header') return encodeResult(result(ResultCode.badFromEntry));
        return headers++ === 0 ? headerAnswer : shorter;
      }),
    );
    await expect(collect(client(server.address), { from: 2n })).rejects.toMatchObject({
      code: 'beyond-end',
      totalEntries: 1n,
    });
  });

  it('is not told where the stream has grown again by then: it is started anew', async () => {
    const server = await FakeServer.start(
      answering((command, _socket, nth) => {
        if (command.kind === 'header') return headerAnswer;
        if (nth === 0) return encodeResult(result(ResultCode.badFromEntry));
        return Buffer.concat([OK, bytesOf(goldenEntries.slice(2))]);
      }),
    );
    const entries = await collect(client(server.address), { from: 2n, count: 1n });
    expect(digits(entries)).toEqual(digits(goldenEntries.slice(2)));
    expect(server.connections).toBe(2);
  });

  it('is told: a bookmark that is not known', async () => {
    const server = await serve(await goldenStream());
    const following = collect(client(addressOf(server)), { from: Uint8Array.of(1) });
    await expect(following).rejects.toMatchObject({
      name: 'ClientError',
      code: 'unknown-bookmark',
      result: { code: 4 },
    });
  });
});

describe('Trying again', () => {
  const nowhere = '127.0.0.1:1';

  it.each([
    ['a server that is not there', 'connect', undefined],
    ['a server that ends every connection', 'disconnected', (): undefined => undefined],
    ['a server that is full', 'refused', (): Uint8Array => encodeResult(result(ResultCode.serverFull))],
  ] as const)('ends after so many failures in a row: %s', async (_name, code, answer) => {
    const server = answer && (await FakeServer.start((socket) => socket.end(answer() ?? '')));
    const states: FollowState[] = [];
    const options: Partial<StreamClientOptions> = {
      retry: { attemptsMax: 3, firstMs: 1, longestMs: 5 },
      onState: (state) => void states.push(state),
    };
    await expect(collect(client(server?.address ?? nowhere, options), {})).rejects.toMatchObject({ code });
    expect(states.filter(({ kind }) => kind === 'connecting')).toHaveLength(4);
  });

  it('is not done where it is not wanted', async () => {
    const following = collect(client(nowhere, { retry: { attemptsMax: 0 } }), {});
    await expect(following).rejects.toMatchObject({ code: 'connect' });
  });

  it('begins anew when an entry has come', async () => {
    const many = numbered(
      0n,
      Array.from({ length: 20 }, () => ({ type: 1, data: new Uint8Array(10) })),
    );
    const file = await emptyStream();
    await commit(file, many);
    const server = await serve(file);
    const proxy = await CuttingProxy.start({
      port: () => server.clientAddress.port,
      // One entry more each time, with the one that is asked for again.
      cutAfter: () => 11 + 38 + 11 + 2 * 27,
    });
    const entries = await collect(client(proxy.address, { retry: { attemptsMax: 2 } }), { count: 20n });
    expect(digits(entries)).toEqual(digits(many));
    expect(proxy.connections).toBeGreaterThan(10);
  });

  it('begins anew when a connection has lasted, though the stream was quiet', async () => {
    const server = await FakeServer.start(
      answering((command, socket, nth) => {
        if (command.kind === 'header') return headerAnswer;
        if (nth < 8) setTimeout(() => socket.destroy(), 30);
        else socket.write(Buffer.concat([OK, bytesOf(more.slice(0, 1))]));
        return nth < 8 ? OK : undefined;
      }),
    );
    const options = { retry: { attemptsMax: 2, firstMs: 1, longestMs: 10 } };
    const entries = await collect(client(server.address, options), { from: 3n, count: 1n });
    expect(digits(entries)).toEqual(digits(more.slice(0, 1)));
  });
});
