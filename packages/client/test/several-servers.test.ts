// Goal: with several servers, the one that is lost is replaced by another, which must hold the same stream, and nothing is
// lost or got twice on the way.
import { describe, expect, it } from 'vitest';
import { encodeHeader, encodeResult, result, ResultCode, type Entry } from '@ds/codec';
import type { StreamFile } from '@ds/stream-file';

import { Random, effort, seed } from '@ds/test-kit';
import { goldenEntries, goldenHeader } from '../../codec/test/golden.js';
import {
  bytesOf,
  commit,
  emptyStream,
  goldenStream,
  numbered,
  serve,
} from '../../server/test/support/stream.js';
import type { FollowState, StreamClientOptions } from '../src/index.js';
import { StreamClient } from '../src/index.js';
import { CuttingProxy } from './support/cutting-proxy.js';
import { answering, FakeServer, headerAnswer, OK } from './support/fake-server.js';
import { addressOf, client, collect, digits, more } from './support/follow.js';

const nowhere = '127.0.0.1:1';
const noneThere = {
  code: 'connect',
  message: expect.stringMatching(
    /^cannot connect to 127.0.0.1:1: .*; cannot connect to 127.0.0.1:2: /,
  ) as string,
  cause: { errors: [{ code: 'connect' }, { code: 'connect' }] },
};
const all = [...goldenEntries, ...more];

async function longer(): Promise<StreamFile> {
  const file = await goldenStream();
  await commit(file, more);
  return file;
}

/** The address of a server of the golden stream that is lost behind its last entry. */
async function losing(): Promise<string> {
  const server = await serve(await goldenStream());
  const proxy = await CuttingProxy.start({
    port: () => server.clientAddress.port,
    cutAfter: () => 11 + 38 + 11 + bytesOf(goldenEntries).length,
  });
  return proxy.address;
}

describe('Of several servers', () => {
  it('the first one that can be reached is followed, and asked', async () => {
    const second = await serve(await goldenStream());
    const asking = client([nowhere, addressOf(second)]);
    expect(digits(await collect(asking, { count: 3n }))).toEqual(digits(goldenEntries));
    expect(await asking.header()).toEqual(goldenHeader);
    expect(await asking.entry(1n)).toEqual(goldenEntries[1]);
  });

  it('another one goes on where one was lost, at once', async () => {
    const states: FollowState[] = [];
    const onState = (state: FollowState): void => void states.push(state);
    const servers = [await losing(), addressOf(await serve(await longer()))];
    const slow = { retry: { attemptsMax: 1, firstMs: 60_000, longestMs: 60_000 }, onState };
    expect(digits(await collect(client(servers, slow), { count: 5n }))).toEqual(digits(all));
    expect(states.map(({ kind, server }) => [kind, servers.indexOf(server)])).toEqual([
      ['connecting', 0],
      ['catching-up', 0],
      ['live', 0],
      ['reconnecting', 0],
      ['connecting', 1],
      ['catching-up', 1],
    ]);
    expect(states[3]).toMatchObject({ waitMs: 0, error: { code: 'disconnected' } });
  });

  it('one that is full, or shuts down, is passed over', async () => {
    for (const code of [ResultCode.serverFull, ResultCode.shuttingDown]) {
      const full = await FakeServer.start((socket) => socket.end(encodeResult(result(code))));
      const servers = [full.address, addressOf(await serve(await goldenStream()))];
      expect(digits(await collect(client(servers), { count: 3n }))).toEqual(digits(goldenEntries));
      expect(await client(servers).header()).toEqual(goldenHeader);
    }
  });

  it('one that is lost while it is asked leaves the question to the next one', async () => {
    const lost = await FakeServer.start((socket) => socket.once('data', () => socket.destroy()));
    const asking = client([lost.address, addressOf(await serve(await goldenStream()))]);
    const queries = [asking.entry(0n), asking.entry(1n), asking.entry(2n)];
    expect(await Promise.all(queries)).toEqual(goldenEntries);
    expect(lost.connections).toBe(1);
  });

  it('one that is behind is passed over, until it is not', async () => {
    const behind = await goldenStream();
    await behind.truncateFile(2n);
    const ahead = addressOf(await serve(await longer()));
    const servers = [await losing(), addressOf(await serve(behind)), ahead];
    expect(digits(await collect(client(servers), { count: 5n }))).toEqual(digits(all));
  });

  it('all being behind is an error that says where the stream ends: it was cut', async () => {
    const files = [await goldenStream(), await goldenStream(), await goldenStream()];
    for (const [nth, length] of [1n, 2n, 1n].entries()) await files[nth]!.truncateFile(length);
    const servers = await Promise.all(files.map(async (file) => addressOf(await serve(file))));
    await expect(collect(client(servers), { from: 3n })).rejects.toMatchObject({
      code: 'beyond-end',
      totalEntries: 2n,
    });
    await expect(collect(client(servers), { from: Uint8Array.of(9) })).rejects.toMatchObject({
      code: 'unknown-bookmark',
    });
  });

  it('one with another last entry is another stream', async () => {
    const other = await emptyStream();
    await commit(other, [...goldenEntries.slice(0, 2), { type: 9, data: new Uint8Array(0) }, ...more]);
    const servers = [await losing(), addressOf(await serve(other))];
    await expect(collect(client(servers), { count: 5n })).rejects.toMatchObject({ code: 'wrong-stream' });
  });

  it.each([
    ['system id', { systemId: 138n }],
    ['stream type', { streamType: 2n }],
  ])('one with another %s is another stream', async (_name, different) => {
    const header = Buffer.concat([OK, encodeHeader({ ...goldenHeader, ...different })]);
    const other = await FakeServer.start(answering(() => header));
    const servers = [await losing(), other.address];
    await expect(collect(client(servers), { count: 5n })).rejects.toMatchObject({ code: 'wrong-stream' });
  });

  it('one that skips entries ends it, however many others there are', async () => {
    const skipping = await FakeServer.start(
      answering((command) =>
        command.kind === 'header' ? headerAnswer : Buffer.concat([OK, bytesOf(goldenEntries.slice(1))]),
      ),
    );
    const servers = [skipping.address, addressOf(await serve(await goldenStream()))];
    await expect(collect(client(servers), { count: 3n })).rejects.toMatchObject({ code: 'sequence' });
  });

  it('none being there ends it after so many rounds', async () => {
    const states: FollowState[] = [];
    const options: Partial<StreamClientOptions> = {
      retry: { attemptsMax: 2, firstMs: 1, longestMs: 2 },
      onState: (state) => void states.push(state),
    };
    await expect(collect(client([nowhere, '127.0.0.1:2'], options), {})).rejects.toMatchObject(noneThere);
    expect(states.filter(({ kind }) => kind === 'connecting').map(({ server }) => server)).toEqual(
      Array.from({ length: 3 }, () => [nowhere, '127.0.0.1:2']).flat(),
    );
  });

  it('none being there is an answer to a question, which says of each why', async () => {
    const asking = client([nowhere, '127.0.0.1:2'], { retry: { attemptsMax: 1, firstMs: 1, longestMs: 1 } });
    await expect(asking.header()).rejects.toMatchObject(noneThere);
    await expect(asking.reach()).rejects.toMatchObject(noneThere);
  });

  it('there must be at least one', () => {
    expect(() => new StreamClient({ server: [] })).toThrow(expect.objectContaining({ code: 'bad-option' }));
  });

  it(`any can be lost at any place, again and again, and all entries come once (seed ${seed})`, async () => {
    const random = new Random();
    const files = await Promise.all([emptyStream({ pageBytes: 4096 }), emptyStream({ pageBytes: 4096 })]);
    const proxies = await Promise.all(
      files.map(async (file) => {
        const server = await serve(file);
        return CuttingProxy.start({
          port: () => server.clientAddress.port,
          cutAfter: () => random.integer(0, 4_000),
        });
      }),
    );
    const written: Entry[] = [];
    const operations = 100 * effort;
    const lengths = Array.from({ length: operations }, () => random.integer(1, 8));
    const count = BigInt(lengths.reduce((sum, each) => sum + each, 0));
    const patient = { retry: { attemptsMax: 10_000 } };
    const following = collect(
      client(
        proxies.map(({ address }) => address),
        patient,
      ),
      { count },
    );
    for (const length of lengths) {
      const entries = numbered(
        BigInt(written.length),
        Array.from({ length }, () => ({ type: 1, data: random.bytes(random.integer(0, 300)) })),
      );
      written.push(...entries);
      // One server is always a little behind the other.
      for (const file of random.chance(0.5) ? files : files.toReversed()) await commit(file, entries);
    }
    expect(digits(await following)).toEqual(digits(written));
    for (const proxy of proxies) expect(proxy.connections).toBeGreaterThan(5);
  });
});
