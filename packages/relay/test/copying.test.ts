// Goal: a relay hands on its upstream's stream as it is: the same bytes under the same numbers, of a stream of the same
// identity, however long it was before and however it grows; so relays can follow relays.
import { describe, expect, it } from 'vitest';
import { StreamClient } from '@ds/client';
import { encodeEntry } from '@ds/codec';

import { effort, Random, seed } from '@ds/test-kit';
import { addressOf, caughtUp, startRelay } from './support/relay.js';
import { bytesAt, identity, named, operation, Upstream } from './support/stream.js';

describe('What a relay serves', () => {
  it('has the system id, the stream type, the version and the length that it has upstream', async () => {
    const changes = { systemId: 2n ** 64n - 1n, streamType: 7n, version: 255 };
    const upstream = await Upstream.start(changes);
    await upstream.append(named('entry', 3));
    const relay = await startRelay(upstream.address, { streamType: 7n });
    await caughtUp(relay, upstream.file);
    await using client = new StreamClient({ server: addressOf(relay), streamType: 7n });
    expect(await client.header()).toEqual({ ...changes, ...upstream.file.header });
  });

  it('is empty as long as it is upstream', async () => {
    const upstream = await Upstream.start();
    const relay = await startRelay(upstream.address);
    expect(relay.header).toEqual({ ...identity, totalLength: 4096n, totalEntries: 0n });
    await upstream.append(named('first', 1));
    await caughtUp(relay, upstream.file);
    expect(await bytesAt(addressOf(relay))).toEqual(await bytesAt(upstream.address));
  });

  it(`is the same, byte for byte, through three relays, while the stream grows (seed ${seed})`, async () => {
    const random = new Random();
    const upstream = await Upstream.start();
    for (let count = 0; count < 20; count++) await upstream.append(operation(random));
    const first = await startRelay(upstream.address);
    const second = await startRelay(addressOf(first));
    const third = await startRelay(addressOf(second));
    for (let count = 0; count < 100 * effort; count++) {
      await upstream.append(operation(random, undefined, 200_000));
      if (random.chance(0.2)) await new Promise(setImmediate);
    }
    const bytes = await bytesAt(upstream.address);
    for (const relay of [first, second, third]) {
      await caughtUp(relay, upstream.file);
      expect(relay.header).toEqual(upstream.file.header);
      expect((await bytesAt(addressOf(relay))).equals(bytes)).toBe(true);
    }
  });

  it(`finds every bookmark where the upstream does, the newest of those with the same key (seed ${seed})`, async () => {
    const random = new Random();
    const upstream = await Upstream.start();
    const relay = await startRelay(upstream.address);
    const keys: Uint8Array[] = [];
    for (let count = 0; count < 60; count++) {
      const entries = operation(random);
      for (const entry of entries) if ('bookmark' in entry) keys.push(entry.bookmark);
      await upstream.append(entries);
    }
    await caughtUp(relay, upstream.file);
    await using client = new StreamClient({ server: addressOf(relay) });
    expect(keys.length).toBeGreaterThan(20);
    for (const key of keys) {
      const [got, expected] = [
        await client.bookmark(key),
        await upstream.file.getFirstEventAfterBookmark(key),
      ];
      expect(got && encodeEntry(got)).toEqual(expected && encodeEntry(expected));
    }
  });
});

describe('A relay that starts late', () => {
  it('catches up with a backlog of 24 MiB, and goes on with what comes meanwhile and after', async () => {
    const upstream = await Upstream.start();
    const large = { type: 1, data: Buffer.alloc(100_000, 7) };
    for (let count = 0; count < 24; count++) await upstream.append(Array.from({ length: 10 }, () => large));
    const relay = await startRelay(upstream.address);
    await upstream.append(named('while it catches up', 5));
    await caughtUp(relay, upstream.file);
    await upstream.append(named('when it has caught up', 5));
    await caughtUp(relay, upstream.file);
    const [got, sent] = [await bytesAt(addressOf(relay)), await bytesAt(upstream.address)];
    expect(got.length).toBeGreaterThan(24e6);
    expect(got.equals(sent)).toBe(true);
  });

  it('hands the largest entry on', async () => {
    const upstream = await Upstream.start();
    await upstream.append([...named('small', 1), { type: 1, data: Buffer.alloc(1_048_559, 1) }]);
    const relay = await startRelay(upstream.address);
    await caughtUp(relay, upstream.file);
    expect((await bytesAt(addressOf(relay))).equals(await bytesAt(upstream.address))).toBe(true);
  });
});

describe('A client of a relay', () => {
  it('gets an entry without having to ask again, as from a server', async () => {
    const upstream = await Upstream.start();
    const relay = await startRelay(await startRelay(upstream.address).then(addressOf));
    await using client = new StreamClient({ server: addressOf(relay) });
    const following = client.follow();
    for (let number = 0n; number < 20n; number++) {
      await upstream.append(named(`entry ${number}`, 1));
      expect((await following.next()).value).toMatchObject({ number });
    }
    await following.return();
  });

  it('is refused what it would be refused by a server', async () => {
    const upstream = await Upstream.start();
    await upstream.append(named('entry', 3));
    const relay = await startRelay(upstream.address);
    await caughtUp(relay, upstream.file);
    await using client = new StreamClient({ server: addressOf(relay) });
    await expect(client.follow({ from: 4n }).next()).rejects.toMatchObject({ code: 'beyond-end' });
    await expect(client.follow({ from: Uint8Array.of(9) }).next()).rejects.toMatchObject({
      code: 'unknown-bookmark',
    });
  });
});
