// Goal: a relay outlives its upstream's absence, and its own: it waits, it serves meanwhile, and it goes on where its file
// ends, with nothing lost and nothing twice. Method: a proxy that cuts connections and knows what was asked.
import { describe, expect, it } from 'vitest';
import { encodeHeader, encodeResult, result, ResultCode } from '@ds/codec';

import { effort, Random, seed } from '@ds/test-kit';
import { StreamRelay } from '../src/index.js';
import { fakeUpstream, OK } from './support/fake-upstream.js';
import { Proxy } from './support/proxy.js';
import { addressOf, caughtUp, relayOptions, startRelay } from './support/relay.js';
import {
  bytesAt,
  identity,
  named,
  operation,
  temporaryPath,
  textsAt,
  until,
  Upstream,
} from './support/stream.js';

describe('A relay whose upstream', () => {
  it('is not there yet waits for it, and starts when it comes', async () => {
    const upstream = await Upstream.start();
    await upstream.append(named('entry', 3));
    await upstream.stop();
    const starting = startRelay(upstream.address);
    expect(await Promise.race([starting, after(100)])).toBe('nothing');
    await upstream.start();
    const relay = await starting;
    await caughtUp(relay, upstream.file);
  });

  it('is not there gives up when it was told to', async () => {
    const upstream = await Upstream.start();
    await upstream.stop();
    const options = await relayOptions(upstream.address, { retry: { attemptsMax: 2, firstMs: 1 } });
    await expect(StreamRelay.start(options)).rejects.toMatchObject({
      code: 'upstream',
      message: expect.stringContaining(upstream.address) as string,
    });
  });

  it('comes back is followed again at once, however quiet it is, and says how far it is', async () => {
    const upstream = await Upstream.start();
    await upstream.append(named('entry', 3));
    const relay = await startRelay(upstream.address);
    await caughtUp(relay, upstream.file);
    await upstream.stop();
    await until('the relay does not follow', () => !relay.following);
    await upstream.start();
    await until('the relay follows again', () => relay.following);
    expect(relay.upstreamEntries).toBe(3n);
  });

  it('is asked how far it is when that was wanted, whether anything comes from it or not', async () => {
    let entries = 3n;
    const head = (): Uint8Array =>
      Buffer.concat([OK, encodeHeader({ ...identity, totalEntries: entries, totalLength: 4096n })]);
    const fake = await fakeUpstream(3n, ({ kind }) => (kind === 'header' ? head() : undefined));
    const relay = await startRelay(fake.address, { headIntervalMs: 10 });
    await until('it is followed', () => relay.header.totalEntries === 3n);
    entries = 50n;
    await until('that is known', () => relay.upstreamEntries === 50n);
    expect(relay.header.totalEntries).toBe(3n);
  });

  it('restarts serves what it has meanwhile, and goes on with what comes then', async () => {
    const upstream = await Upstream.start();
    const relay = await startRelay(upstream.address);
    for (let round = 0; round < 5; round++) {
      await upstream.append(named(`round ${round}`, 10));
      await caughtUp(relay, upstream.file);
      const bytes = await bytesAt(upstream.address);
      await upstream.stop();
      expect(await bytesAt(addressOf(relay))).toEqual(bytes);
      await upstream.start();
    }
    await upstream.append(named('last', 1));
    await caughtUp(relay, upstream.file);
    expect(await bytesAt(addressOf(relay))).toEqual(await bytesAt(upstream.address));
  });

  it(`is cut off at any byte, again and again, loses and doubles nothing (seed ${seed})`, async () => {
    const random = new Random();
    const upstream = await Upstream.start();
    // A connection that checks the relay's last entries must get through now and then.
    const proxy = await Proxy.start(upstream.server.clientAddress, () =>
      random.chance(0.5) ? random.integer(1, 40_000) : 1_000_000,
    );
    const relay = await startRelay(proxy.address);
    for (let count = 0; count < 150 * effort; count++) {
      await upstream.append(operation(random));
      if (random.chance(0.2)) proxy.cut();
      if (random.chance(0.3)) await after(random.integer(0, 10));
    }
    await caughtUp(relay, upstream.file);
    expect((await bytesAt(addressOf(relay))).equals(await bytesAt(upstream.address))).toBe(true);
    expect(proxy.connections).toBeGreaterThan(10);
  });
});

describe('A relay that is asking its upstream for entries', () => {
  it.each([
    ['shuts down', ResultCode.shuttingDown],
    ['is full', ResultCode.serverFull],
  ])('tries again when that %s', async (_name, code) => {
    const path = await temporaryPath('relay.bin');
    const before = await startRelay((await fakeUpstream(3n, () => undefined)).address, { path });
    await until('all entries are there', () => before.header.totalEntries === 3n);
    await before.close();
    let refusals = 0;
    const upstream = await fakeUpstream(3n, ({ kind }, socket) => {
      if (kind !== 'entry' || refusals++ > 0) return undefined;
      socket.end(encodeResult(result(code)));
      return new Uint8Array();
    });
    const relay = await startRelay(upstream.address, { path });
    expect(refusals).toBeGreaterThan(1);
    expect(await textsAt(addressOf(relay))).toEqual(['entry 0', 'entry 1', 'entry 2']);
  });
});

describe('A relay that restarts', () => {
  it('streams from its last entry on, and looks at no more than a run of entries before it', async () => {
    const upstream = await Upstream.start();
    await upstream.append(named('before', 2_000));
    const proxy = await Proxy.start(upstream.server.clientAddress);
    const path = await temporaryPath('relay.bin');
    const before = await startRelay(proxy.address, { path });
    await caughtUp(before, upstream.file);
    await before.close();

    proxy.commands.length = 0;
    await upstream.append(named('after', 10));
    const relay = await startRelay(proxy.address, { path });
    await caughtUp(relay, upstream.file);
    const starts = proxy.commands.filter(({ kind }) => kind === 'start');
    expect(starts).toEqual([{ kind: 'start', fromEntry: 1_999n }]);
    const asked = proxy.commands.flatMap((command) =>
      command.kind === 'entry' ? [command.entryNumber] : [],
    );
    expect(asked.length).toBeLessThanOrEqual(256);
    expect(asked.every((number) => number >= 2_000n - 256n && number < 2_000n)).toBe(true);
    expect(await bytesAt(addressOf(relay))).toEqual(await bytesAt(upstream.address));
  });

  it(`at any time goes on where its file ends (seed ${seed})`, async () => {
    const random = new Random();
    const upstream = await Upstream.start();
    const path = await temporaryPath('relay.bin');
    for (let round = 0; round < 10 * effort; round++) {
      const relay = await startRelay(upstream.address, { path });
      for (let count = random.integer(0, 20); count > 0; count--) await upstream.append(operation(random));
      if (random.chance(0.5)) await after(random.integer(0, 10));
      await relay.close();
      expect(relay.header.totalEntries).toBeLessThanOrEqual(upstream.file.header.totalEntries);
    }
    const relay = await startRelay(upstream.address, { path });
    await caughtUp(relay, upstream.file);
    expect((await bytesAt(addressOf(relay))).equals(await bytesAt(upstream.address))).toBe(true);
  });
});

function after(ms: number): Promise<'nothing'> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms, 'nothing');
  });
}
