// Goal: `follow` gives exactly the entries that were asked for, from wherever, as far as asked for, as they come.
import { describe, expect, it } from 'vitest';
import type { Entry } from '@ds/codec';

import { goldenEntries } from '../../codec/test/golden.js';
import { fill, MIB } from '../../server/test/support/client.js';
import { sleep } from '../../server/test/support/peer.js';
import { commit, emptyStream, goldenStream, numbered, serve } from '../../server/test/support/stream.js';
import type { FollowOptions, FollowState } from '../src/index.js';
import { answering, FakeServer, headerAnswer, OK } from './support/fake-server.js';
import { addressOf, client, collect, digits, key, more } from './support/follow.js';

describe('Following', () => {
  it.each([
    ['from the start', { count: 3n }, [0, 3]],
    ['from an entry', { from: 1n, count: 2n }, [1, 3]],
    ['from a bookmark', { from: key, count: 3n }, [0, 3]],
    ['a count that ends within a batch', { from: 0n, count: 2n }, [0, 2]],
    ['nothing, for a count of 0', { count: 0n }, [0, 0]],
    ['until an entry, that one included', { until: 1n }, [0, 2]],
    ['until the entry that it starts from', { from: 2n, until: 2n }, [2, 3]],
    ['nothing, until an entry before the start', { from: 2n, until: 1n }, [2, 2]],
    ['from a bookmark until an entry', { from: key, until: 1n }, [0, 2]],
    ['nothing, from the latest until one that has been', { from: 'latest', until: 1n }, [0, 0]],
  ] as [string, FollowOptions, [number, number]][])('gives %s', async (_name, options, [from, to]) => {
    const server = await serve(await goldenStream());
    expect(digits(await collect(client(addressOf(server)), options))).toEqual(
      digits(goldenEntries.slice(from, to)),
    );
  });

  it('goes on with what is committed later', async () => {
    const file = await goldenStream();
    const following = collect(client(addressOf(await serve(file))), { count: 5n });
    await sleep(50);
    await commit(file, more);
    expect(digits(await following)).toEqual(digits([...goldenEntries, ...more]));
  });

  it('from the latest gives what is committed from now on', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    const streaming = new Promise<void>((resolve) => {
      const onState = ({ kind }: FollowState): void => {
        if (kind === 'live') resolve();
      };
      void collect(client(addressOf(server), { onState }), { from: 'latest', count: 2n }).then((entries) => {
        received.push(...entries);
      });
    });
    const received: Entry[] = [];
    await streaming;
    await commit(file, more);
    await expect.poll(() => digits(received)).toEqual(digits(more));
  });

  it('waits at the end of the stream for the entry that it was told to start from', async () => {
    const file = await goldenStream();
    const following = collect(client(addressOf(await serve(file))), { from: 3n, count: 2n });
    await commit(file, more);
    expect(digits(await following)).toEqual(digits(more));
  });

  it('ends its connection when the consumer leaves the loop', async () => {
    const server = await serve(await goldenStream());
    for await (const entry of client(addressOf(server)).follow()) if (entry.number === 1n) break;
    await expect.poll(() => server.clientCount).toBe(0);
  });

  it('gives entries whose data stays what it is', async () => {
    const file = await emptyStream();
    const written = await fill(file, 8);
    const entries = await collect(client(addressOf(await serve(file))), { count: BigInt(written.length) });
    for (const [at, { data }] of entries.entries()) expect(Buffer.compare(data, written[at]!.data)).toBe(0);
  });

  it('gives batches whose bytes are the stream, one behind the other', async () => {
    const file = await emptyStream();
    for (let operation = 0; operation < 100; operation++) await commit(file, more);
    const given: Entry[] = [];
    let next = 0n;
    for await (const batch of client(addressOf(await serve(file))).followBatches({ count: 150n })) {
      expect(batch.firstEntry).toBe(next);
      next += BigInt(batch.count);
      given.push(...batch);
    }
    const all = Array.from({ length: 100 }, () => more).flat();
    expect(digits(given)).toEqual(digits(numbered(0n, all).slice(0, 150)));
  });

  it('tells what becomes of the connection', async () => {
    const states: string[] = [];
    const server = await serve(await goldenStream());
    const onState = ({ kind, server }: FollowState): void => void states.push(`${kind} ${server}`);
    await collect(client(addressOf(server), { onState }), { count: 3n });
    expect(states).toEqual([`connecting ${addressOf(server)}`, `catching-up ${addressOf(server)}`]);
  });

  it('many streams and queries share a client', async () => {
    const server = await serve(await goldenStream());
    const shared = client(addressOf(server));
    const streams = Array.from({ length: 20 }, () => collect(shared, { count: 3n }));
    expect((await shared.header()).totalEntries).toBe(3n);
    for (const entries of await Promise.all(streams)) expect(digits(entries)).toEqual(digits(goldenEntries));
  });
});

describe('A consumer that is slower than the server', () => {
  it('gets everything', async () => {
    const file = await emptyStream();
    const written = await fill(file, 12);
    const following = client(addressOf(await serve(file)), { bufferBytes: MIB }).follow({
      count: BigInt(written.length),
    });
    const received: Entry[] = [];
    for await (const entry of following) {
      received.push(entry);
      await sleep(5);
    }
    expect(received.every(({ data }, at) => Buffer.compare(data, written[at]!.data) === 0)).toBe(true);
    expect(received).toHaveLength(written.length);
  });

  it('holds the server back: little more than its limit is taken from it', async () => {
    const total = 64 * MIB;
    let written = 0;
    const server = await FakeServer.start(
      answering((command, socket) => {
        if (command.kind === 'header') return headerAnswer;
        socket.write(OK);
        let number = 0n;
        const data = Buffer.alloc(64 << 10);
        const send = (): void => {
          while (written < total) {
            const head = Buffer.alloc(17);
            head[0] = 2;
            head.writeUInt32BE(17 + data.length, 1);
            head.writeUInt32BE(1, 5);
            head.writeBigUInt64BE(number++, 9);
            socket.write(head);
            written += head.length + data.length;
            if (!socket.write(data)) break;
          }
        };
        socket.on('drain', send);
        send();
        return undefined;
      }),
    );
    const following = client(server.address, { bufferBytes: MIB }).followBatches();
    expect((await following.next()).done).toBe(false);
    await sleep(300);
    // What the kernel holds on both sides is in there.
    expect(written).toBeLessThan(24 * MIB);
    await following.return();
  });
});
