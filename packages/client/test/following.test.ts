// Goal: what `follow` returns is a good iterator: it can be left, disposed of and called ahead at any moment, tells how far it
// is, and gives only what is wanted.
import { describe, expect, it } from 'vitest';

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
import { positionAfter } from '../src/index.js';
import { addressOf, client, collect, digits } from './support/follow.js';

const done = { done: true, value: undefined };
const many = numbered(
  0n,
  Array.from({ length: 200 }, (_none, at) => ({ type: 1 + (at % 5), data: Buffer.alloc(at) })),
);

describe('Entries of some types', () => {
  it('are given alone, and counted alone', async () => {
    const file = await emptyStream();
    await commit(file, many);
    const server = await serve(file);
    const wanted = many.filter(({ type }) => type === 2 || type === 4);
    const asking = client(addressOf(server));
    expect(digits(await collect(asking, { types: [2, 4], until: 199n }))).toEqual(digits(wanted));
    expect(digits(await collect(asking, { types: [2, 4], count: 5n }))).toEqual(digits(wanted.slice(0, 5)));
    expect(await collect(asking, { types: [], until: 199n })).toEqual([]);
    expect(await collect(asking, { types: [1], count: 0n })).toEqual([]);
    await expect.poll(() => server.clientCount).toBe(0);
  });
});

describe('Batches in a buffer that is used again', () => {
  it('are valid until the next one is asked for, and all of them are the stream', async () => {
    const file = await emptyStream();
    for (let at = 0; at < many.length; at += 10) await commit(file, many.slice(at, at + 10));
    const small = client(addressOf(await serve(file)), { bufferBytes: 1000 });
    const given: string[] = [];
    const buffers = new Set<ArrayBufferLike>();
    for await (const batch of small.followBatches({ count: 200n, reuseBuffer: true })) {
      given.push(...digits([...batch]));
      buffers.add(batch.bytes.buffer);
    }
    expect(given).toEqual(digits(many));
    // Entries that were cut by the buffer's end have memory of their own; all others share the one buffer.
    expect(buffers.size).toBeLessThan(given.length / 2);
  });

  it('are copies of one another unless that is asked for', async () => {
    const file = await emptyStream();
    await commit(file, many);
    const small = client(addressOf(await serve(file)), { bufferBytes: 1000 });
    const batches = [];
    for await (const batch of small.followBatches({ count: 200n })) batches.push(batch);
    expect(batches.length).toBeGreaterThan(5);
    expect(batches.flatMap((batch) => digits([...batch]))).toEqual(digits(many));
  });
});

describe('Following', () => {
  it('can be asked ahead: answers keep their order', async () => {
    const file = await goldenStream();
    const following = client(addressOf(await serve(file))).follow();
    const asked = Array.from({ length: 5 }, () => following.next());
    await commit(file, [
      { type: 3, data: Uint8Array.of(3) },
      { type: 4, data: new Uint8Array(0) },
    ]);
    const numbers = (await Promise.all(asked)).map(({ value }) => value?.number);
    expect(numbers).toEqual([0n, 1n, 2n, 3n, 4n]);
    await following.return();
  });

  it.each(['follow', 'followBatches'] as const)(
    'by %s ends when it is told to, also while the next one is waited for',
    async (kind) => {
      const server = await serve(await goldenStream());
      const following = client(addressOf(server))[kind]({ from: 3n });
      const next = following.next();
      await expect.poll(() => server.clientCount).toBe(1);
      await sleep(20);
      expect(await following.return()).toEqual(done);
      expect(await next).toEqual(done);
      expect(await following.next()).toEqual(done);
      await expect.poll(() => server.clientCount).toBe(0);
    },
  );

  it('ends with an `await using` block', async () => {
    const server = await serve(await goldenStream());
    {
      await using following = client(addressOf(server)).follow();
      expect((await following.next()).value?.number).toBe(0n);
      expect(server.clientCount).toBe(1);
    }
    await expect.poll(() => server.clientCount).toBe(0);
  });

  it('does not begin before it is asked for the first entry', async () => {
    const server = await serve(await goldenStream());
    const following = client(addressOf(server)).follow();
    await sleep(20);
    expect(server.clientCount).toBe(0);
    expect(following.position).toBeUndefined();
    expect(following.progress).toMatchObject({ nextEntry: 0n, totalEntries: undefined, entries: 0 });
    await following.return();
  });
});

describe('An entry that has come', () => {
  it('is given without waiting for anything, also behind one that was waited for', async () => {
    const following = client(addressOf(await serve(await goldenStream()))).follow();
    await following.next();
    let given = 0;
    for (const _ of goldenEntries.slice(1)) {
      const next = following.next().then(() => given++);
      await Promise.resolve();
      expect(given).toBe(1);
      await next;
      given = 0;
    }
    await following.return();
  });

  it('is given in turn, where several are asked for at once', async () => {
    const following = client(addressOf(await serve(await goldenStream()))).follow();
    const results = await Promise.all(goldenEntries.map(() => following.next()));
    expect(results.map(({ value }) => value?.number)).toEqual(goldenEntries.map(({ number }) => number));
    await following.return();
  });
});

describe('Progress', () => {
  it('is what was given, and how far the end is', async () => {
    const file = await goldenStream();
    const asking = client(addressOf(await serve(file)));
    const following = asking.follow();
    await following.next();
    expect(following.progress).toMatchObject({ nextEntry: 1n, totalEntries: 3n, lag: 2n });
    await following.next();
    await following.next();
    expect(following.progress).toMatchObject({
      nextEntry: 3n,
      lag: 0n,
      entries: 3,
      bytes: bytesOf(goldenEntries).length,
    });
    expect(following.progress.entriesPerSecond).toBeGreaterThan(0);
    expect(following.progress.bytesPerSecond).toBeGreaterThan(following.progress.entriesPerSecond);
    await commit(file, many.slice(0, 10));
    await asking.header();
    expect(following.progress).toMatchObject({ totalEntries: 13n, lag: 10n });
    await following.return();
  });
});

describe('The position', () => {
  it('is behind what was given: entry by entry, and batch by batch', async () => {
    const server = await serve(await goldenStream());
    const following = client(addressOf(server)).follow();
    for (const [at] of goldenEntries.entries()) {
      await following.next();
      expect(following.position).toEqual(
        positionAfter(goldenHeader, bytesOf(goldenEntries.slice(at, at + 1))),
      );
    }
    const end = following.position;
    await following.return();
    expect(following.position).toEqual(end);

    const batches = client(addressOf(server)).followBatches({ reuseBuffer: true });
    const { value } = await batches.next();
    expect(batches.position?.nextEntry).toBe(value?.nextEntry);
    await batches.return();
  });

  it('is behind what was passed over, too', async () => {
    const server = await serve(await goldenStream());
    const following = client(addressOf(server)).follow({ types: [2] });
    await following.next();
    expect(following.position?.nextEntry).toBe(3n);
    await following.return();
  });

  it('can be gone on from, in another client', async () => {
    const server = await serve(await goldenStream());
    const first = client(addressOf(server)).follow();
    await first.next();
    const { position } = first;
    await first.return();
    if (!position) throw new Error('no position');
    const rest = await collect(client(addressOf(server)), { from: position, count: 2n });
    expect(digits(rest)).toEqual(digits(goldenEntries.slice(1)));
  });
});
