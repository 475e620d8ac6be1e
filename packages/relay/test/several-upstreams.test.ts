// Goal: with several upstreams, another one is followed where one is lost, and it is one that holds all that the relay has:
// nothing of another stream is served, and a server that is behind, or is none of this stream, harms nobody.
import { describe, expect, it } from 'vitest';

import { effort, Random, seed } from '@ds/test-kit';
import { StreamRelay } from '../src/index.js';
import { Proxy } from './support/proxy.js';
import { addressOf, caughtUp, collectWarnings, relayOptions, startRelay } from './support/relay.js';
import {
  bytesAt,
  named,
  operation,
  temporaryPath,
  textsAt,
  textsOf,
  until,
  Upstream,
  type NewEntry,
} from './support/stream.js';

/** Nobody listens there. */
const nowhere = '127.0.0.1:1';

/** Upstreams that hold these operations. */
function upstreams(count: number, ...operations: NewEntry[][]): Promise<Upstream[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const upstream = await Upstream.start();
      for (const entries of operations) await upstream.append(entries);
      return upstream;
    }),
  );
}

const addresses = (of: readonly Upstream[]): string[] => of.map(({ address }) => address);

describe('Of several upstreams', () => {
  it('the first one that is there is followed', async () => {
    const [first, second] = (await upstreams(2, named('entry', 5))) as [Upstream, Upstream];
    await second.append(named('more', 1));
    const relay = await startRelay([nowhere, first.address, second.address]);
    await caughtUp(relay, first.file);
    expect(await textsAt(addressOf(relay))).toEqual(textsOf('entry', 5));
  });

  it('the next one goes on where one is lost, without a wait, also in a circle', async () => {
    const two = await upstreams(2, named('entry', 5));
    const retry = { firstMs: 60_000, longestMs: 60_000 };
    const relay = await startRelay(addresses(two), { retry });
    for (let round = 0; round < 3; round++) {
      const [lost, next] = (round % 2 === 0 ? two : [...two].reverse()) as [Upstream, Upstream];
      await caughtUp(relay, lost.file);
      await lost.stop();
      await next.append(named(`round ${round}`, 3));
      await caughtUp(relay, next.file);
      await lost.start();
      await lost.append(named(`round ${round}`, 3));
    }
    expect(await bytesAt(addressOf(relay))).toEqual(await bytesAt(two[0]!.address));
  });

  it('one that is behind is passed over, its entries being those that the relay has', async () => {
    const [ahead, behind] = (await upstreams(2, named('entry', 5))) as [Upstream, Upstream];
    await ahead.append(named('more', 5));
    const { warnings, logger } = collectWarnings();
    const relay = await startRelay(addresses([ahead, behind]), { logger });
    await caughtUp(relay, ahead.file);
    await ahead.stop();
    await until('it was looked at', () => warnings.some(({ message }) => message === 'upstream passed over'));
    expect(relay.header.totalEntries).toBe(10n);
    expect(await textsAt(addressOf(relay))).toEqual([...textsOf('entry', 5), ...textsOf('more', 5)]);
    await behind.append(named('more', 5));
    await behind.append(named('last', 1));
    await caughtUp(relay, behind.file);
    expect(await textsAt(addressOf(relay))).toEqual(await textsAt(behind.address));
  });

  it.each(['truncate', 'restart'] as const)(
    'one of another stream is passed over, told to %s, as long as one of them agrees or is away',
    async (onMismatch) => {
      const [own] = (await upstreams(1, named('entry', 5))) as [Upstream];
      const other = await Upstream.start({ systemId: 138n });
      await other.append(named('foreign', 20));
      const fork = await Upstream.start();
      await fork.append(named('fork', 20));
      const { warnings, logger } = collectWarnings();
      const relay = await startRelay(addresses([own, other, fork]), { onMismatch, logger });
      await caughtUp(relay, own.file);
      await own.stop();
      const passedOver = (): number =>
        warnings.filter(({ message }) => message === 'upstream passed over').length;
      await until('both were looked at some times', () => passedOver() > 5);
      expect(await textsAt(addressOf(relay))).toEqual(textsOf('entry', 5));
      await own.start();
      await own.append(named('more', 1));
      await caughtUp(relay, own.file);
      expect(await textsAt(addressOf(relay))).toEqual(await textsAt(own.address));
    },
  );

  it('none that agrees is a mismatch, which names the first one', async () => {
    const [own] = (await upstreams(1, named('entry', 5))) as [Upstream];
    const path = await temporaryPath('relay.bin');
    const relay = await startRelay(own.address, { path });
    await caughtUp(relay, own.file);
    await relay.close();
    const others = await upstreams(2, named('fork', 20));
    const options = await relayOptions(addresses(others), { path });
    await expect(StreamRelay.start(options)).rejects.toMatchObject({
      code: 'mismatch',
      message: expect.stringContaining(others[0]!.address) as string,
    });
    const again = await startRelay([...addresses(others), own.address], { path });
    await own.append(named('more', 1));
    await caughtUp(again, own.file);
  });

  it('none that agrees has the relay truncate to what is the first one’s, whichever it followed', async () => {
    const [first, second] = await upstreams(2, named('shared', 8), named('old', 5));
    if (!first || !second) throw new Error('no upstreams');
    const { warnings, logger } = collectWarnings();
    const relay = await startRelay(addresses([first, second]), { onMismatch: 'truncate', logger });
    await caughtUp(relay, first.file);
    await first.stop();
    await second.append(named('more', 1));
    await caughtUp(relay, second.file);
    await first.start();
    await first.server.truncateFile(8n);
    await first.append(named('new', 20));
    await second.server.truncateFile(3n);
    await caughtUp(relay, first.file);
    expect(await textsAt(addressOf(relay))).toEqual(await textsAt(first.address));
    expect(warnings).toContainEqual(
      expect.objectContaining({ fields: expect.objectContaining({ kept: 8n }) as object }),
    );
  });

  it('all that are away are tried as often as was said, each of them', async () => {
    const dead = await Promise.all([0, 1].map(() => Proxy.start({ port: 1 })));
    const options = await relayOptions(
      dead.map(({ address }) => address),
      { retry: { attemptsMax: 2, firstMs: 1 } },
    );
    await expect(StreamRelay.start(options)).rejects.toMatchObject({ code: 'upstream' });
    expect(dead.map(({ connections }) => connections)).toEqual([3, 3]);
  });

  it('one without a port, or none at all, is refused at once', async () => {
    for (const upstream of [[nowhere, 'nowhere'], []]) {
      const starting = StreamRelay.start(await relayOptions(upstream));
      await expect(starting).rejects.toMatchObject({ name: 'RelayError', code: 'bad-option' });
    }
  });

  it(`all are lost at any byte, again and again: nothing is lost or doubled (seed ${seed})`, async () => {
    const random = new Random();
    const three = await upstreams(3);
    const proxies = await Promise.all(
      three.map(({ server }) =>
        Proxy.start(server.clientAddress, () => (random.chance(0.5) ? random.integer(1, 40_000) : 1_000_000)),
      ),
    );
    const relay = await startRelay(proxies.map(({ address }) => address));
    for (let count = 0; count < 100 * effort; count++) {
      const entries = operation(random);
      for (const upstream of three) await upstream.append(entries);
      if (random.chance(0.2)) random.pick(proxies).cut();
    }
    await caughtUp(relay, three[0]!.file);
    expect((await bytesAt(addressOf(relay))).equals(await bytesAt(three[0]!.address))).toBe(true);
    expect(proxies.filter(({ connections }) => connections > 2).length).toBeGreaterThan(1);
  });
});
