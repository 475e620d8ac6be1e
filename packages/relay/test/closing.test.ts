// Goal: a relay can be closed whatever it is doing; then its file and its port are free, and what it had stored is there.
// That nothing rejects unseen, the test run itself sees to.
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { StreamClient } from '@ds/client';
import { StreamFile } from '@ds/stream-file';

import { effort, Random, seed } from '@ds/test-kit';
import { TestDisk } from '../../server/test/support/disk.js';
import { StreamRelay } from '../src/index.js';
import { fakeUpstream } from './support/fake-upstream.js';
import { addressOf, caughtUp, relayOptions, startRelay, type Changes } from './support/relay.js';
import {
  bytesAt,
  bytesIn,
  host,
  named,
  operation,
  temporaryPath,
  textsAt,
  textsOf,
  Upstream,
} from './support/stream.js';

describe('A start that is given up', () => {
  const silent = (): Uint8Array => new Uint8Array();
  it.each([
    ['before it began', 0, silent],
    ['while the upstream does not answer', 50, silent],
    ['while the relay waits to try again', 50, undefined],
  ])('%s ends at once, with no file open', async (_name, afterMs, answer) => {
    const upstream = answer ? (await fakeUpstream(0n, answer)).address : await deadAddress();
    const options = await relayOptions(upstream, {
      answerMs: 60_000,
      connectMs: 60_000,
      retry: { firstMs: 60_000, longestMs: 60_000 },
    });
    const signal = afterMs === 0 ? AbortSignal.abort() : AbortSignal.timeout(afterMs);
    await expect(StreamRelay.start(options, signal)).rejects.toMatchObject({ code: 'closed' });
    await expect(StreamFile.open(options.path)).rejects.toMatchObject({ code: 'not-found' });
  });

  it(`at any moment leaves everything free (seed ${seed})`, async () => {
    const random = new Random();
    const upstream = await Upstream.start();
    await upstream.append(named('entry', 2_000));
    const path = await temporaryPath('relay.bin');
    let given = 0;
    for (let round = 0; round < 30 * effort; round++) {
      const stop = new AbortController();
      const starting = StreamRelay.start(await relayOptions(upstream.address, { path }), stop.signal);
      setTimeout(
        () => {
          stop.abort();
        },
        random.integer(0, 30),
      );
      const relay = await starting.catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'closed' });
        given++;
      });
      await relay?.close();
    }
    expect(given).toBeGreaterThan(0);
    const relay = await startRelay(upstream.address, { path });
    await caughtUp(relay, upstream.file);
  });
});

describe('A relay that is closed', () => {
  it(`while entries come in has stored what it has served, and the file is whole (seed ${seed})`, async () => {
    const random = new Random();
    const upstream = await Upstream.start();
    for (let round = 0; round < 10 * effort; round++) {
      const path = await temporaryPath('relay.bin');
      const relay = await startRelay(upstream.address, { path });
      for (let count = 0; count < 10; count++) await upstream.append(operation(random));
      await relay.close();
      await expect(relay.finished).resolves.toBeUndefined();
      const bytes = await bytesIn(path);
      expect((await bytesAt(upstream.address)).subarray(0, bytes.length).equals(bytes)).toBe(true);
    }
  });

  it('while it waits for its upstream ends at once', async () => {
    const upstream = await Upstream.start();
    const relay = await startRelay(upstream.address, { retry: { firstMs: 60_000, longestMs: 60_000 } });
    await upstream.stop();
    await relay.close();
    await expect(relay.finished).resolves.toBeUndefined();
  });

  it(`while it settles with another stream leaves a file that can be used (seed ${seed})`, async () => {
    const random = new Random();
    const upstream = await Upstream.start();
    const path = await temporaryPath('relay.bin');
    await upstream.append(named('shared', 600));
    for (let round = 0; round < 15 * effort; round++) {
      const onMismatch = random.pick(['truncate', 'restart'] as const);
      const relay = await startRelay(upstream.address, { path, onMismatch });
      await caughtUp(relay, upstream.file);
      await upstream.server.truncateFile(BigInt(random.integer(0, 590)));
      await upstream.append(named(`round ${round}`, 610));
      await new Promise((resolve) => setTimeout(resolve, random.integer(0, 40)));
      await relay.close();
    }
    const relay = await startRelay(upstream.address, { path, onMismatch: 'truncate' });
    await caughtUp(relay, upstream.file);
    expect((await bytesAt(addressOf(relay))).equals(await bytesAt(upstream.address))).toBe(true);
  });

  it('lets its clients go, its file and its port be used, and can be closed again', async () => {
    const upstream = await Upstream.start();
    await upstream.append(named('entry', 3));
    const path = await temporaryPath('relay.bin');
    const relay = await startRelay(upstream.address, { path });
    await caughtUp(relay, upstream.file);
    await using client = new StreamClient({ server: addressOf(relay), retry: { attemptsMax: 0 } });
    const following = client.follow();
    for (let number = 0n; number < 3n; number++) await following.next();
    const waiting = expect(following.next()).rejects.toMatchObject({ code: 'disconnected' });
    await Promise.all([relay.close(), relay.close()]);
    await waiting;
    const { port } = relay.clientAddress;
    const again = await startRelay(upstream.address, { path, clients: { host, port } });
    expect(again.header.totalEntries).toBe(3n);
  });
});

describe('A start that fails', () => {
  it('for a port that is taken leaves the file free', async () => {
    const upstream = await Upstream.start();
    const { port } = upstream.server.clientAddress;
    const options = await relayOptions(upstream.address, { clients: { host, port } });
    await expect(StreamRelay.start(options)).rejects.toMatchObject({ name: 'ServerError', code: 'listen' });
    await (await StreamFile.open(options.path)).close();
  });

  it('for a file that is open elsewhere says so', async () => {
    const upstream = await Upstream.start();
    const path = await temporaryPath('relay.bin');
    await startRelay(upstream.address, { path });
    await expect(StreamRelay.start(await relayOptions(upstream.address, { path }))).rejects.toMatchObject({
      code: 'storage',
      message: expect.stringContaining(path) as string,
    });
  });

  it('for an address that is none says so', async () => {
    const options = await relayOptions('nowhere');
    await expect(StreamRelay.start(options)).rejects.toMatchObject({ code: 'bad-option' });
  });

  it.each<[string, Changes]>([
    ['clients.port is NaN', { clients: { host, port: Number.NaN } }],
    ['limits.clientsMax is -1', { limits: { clientsMax: -1 } }],
    ['headIntervalMs is NaN', { headIntervalMs: Number.NaN }],
    ['headIntervalMs is 0', { headIntervalMs: 0 }],
    ['retry.firstMs is NaN', { retry: { firstMs: Number.NaN } }],
  ])('for an option that makes no sense says so: %s', async (message, changes) => {
    const upstream = await Upstream.start();
    const starting = StreamRelay.start(await relayOptions(upstream.address, changes));
    await expect(starting).rejects.toMatchObject({ name: 'RelayError', code: 'bad-option' });
    await expect(starting).rejects.toThrow(message);
  });
});

describe('A relay whose disk', () => {
  it('is full serves what it has, and goes on when there is room', async () => {
    const disk = new TestDisk();
    const upstream = await Upstream.start();
    await upstream.append(named('before', 5));
    const relay = await startRelay(upstream.address, { file: { durability: 'os', disk } });
    await caughtUp(relay, upstream.file);
    disk.failure = 'ENOSPC';
    await upstream.append(named('too much', 5));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await textsAt(addressOf(relay))).toEqual(textsOf('before', 5));
    disk.failure = undefined;
    await caughtUp(relay, upstream.file);
    expect(await bytesAt(addressOf(relay))).toEqual(await bytesAt(upstream.address));
  });

  it('fails ends though its upstream is quiet, and still serves what it has', async () => {
    const disk = new TestDisk();
    const upstream = await Upstream.start();
    await upstream.append(named('before', 5));
    const relay = await startRelay(upstream.address, { file: { durability: 'os', disk } });
    await caughtUp(relay, upstream.file);
    disk.failure = 'EIO';
    await upstream.append(named('lost', 1));
    await expect(relay.finished).rejects.toMatchObject({ name: 'RelayError', code: 'storage' });
    expect(await textsAt(addressOf(relay))).toEqual(textsOf('before', 5));
  });
});

/** An address that nobody listens on. */
async function deadAddress(): Promise<string> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, host, resolve));
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return `${host}:${port}`;
}
