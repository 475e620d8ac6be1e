// Goal: a simulated world is one that programs can live in, and the same one each time. Method: what Node does with timers
// and sockets is asked of the simulated ones.
import { describe, expect, it } from 'vitest';

import { histories, Random, SimulatedNetwork, simulate, type SimulatedSocket } from '../src/index.js';

const address = { host: '10.0.0.9', port: 6900 };

/** Resolves after so many simulated milliseconds. */
function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

interface Pair {
  readonly network: SimulatedNetwork;
  readonly client: SimulatedSocket;
  readonly server: SimulatedSocket;
  /** What each side was told, in order. */
  readonly told: string[];
}

/** Two ends of a connection. */
async function connected(random = new Random(), heldBytesMax = 1000): Promise<Pair> {
  const network = new SimulatedNetwork(random, { pieceBytesMax: 100, heldBytesMax });
  const told: string[] = [];
  const watch = (name: string, socket: SimulatedSocket): void => {
    for (const event of ['connect', 'end', 'close', 'timeout'])
      socket.on(event, () => told.push(`${name} ${event}`));
    socket.on('error', (error: NodeJS.ErrnoException) => told.push(`${name} ${error.code ?? ''}`));
  };
  const accepted = new Promise<SimulatedSocket>((resolve) => {
    void network.listen(address, { accepted: resolve });
  });
  const client = network.connect(address);
  watch('client', client);
  const server = await accepted;
  watch('server', server);
  return { network, client, server, told };
}

/** Collects what comes. */
function received(socket: SimulatedSocket): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  socket.on('data', (chunk: Uint8Array) => chunks.push(chunk));
  return chunks;
}

describe('Simulated time', () => {
  it('passes from one timer to the next, in no time', async () => {
    const realMs = performance.now();
    const fired = await simulate(Infinity, async (clock) => {
      const times: number[] = [];
      const note = (): void => void times.push(clock.nowMs);
      setTimeout(note, 86_400_000);
      setTimeout(note, 10);
      clearTimeout(setTimeout(note, 20));
      const ticker = setInterval(note, 15);
      await pass(40);
      clearInterval(ticker);
      await pass(86_400_000);
      return times;
    });
    expect(fired).toEqual([10, 15, 30, 86_400_000]);
    expect(performance.now() - realMs).toBeLessThan(60_000);
  });

  it('lets timers of the same time fire as they were set, and promises settle in between', async () => {
    const order: string[] = [];
    await simulate(100, async () => {
      for (const name of ['a', 'b', 'c']) {
        setTimeout(() => {
          order.push(name);
          void Promise.resolve()
            .then(() => Promise.resolve())
            .then(() => order.push(`${name} settled`));
          process.nextTick(() => order.push(`${name} ticked`));
        }, 5);
      }
      await pass(5);
    });
    expect(order).toEqual(['a', 'b', 'c'].flatMap((name) => [name, `${name} ticked`, `${name} settled`]));
  });

  it('ends with what is waited for, and gives the real clock back', async () => {
    const before = Date.now();
    expect(await simulate(1, async () => Date.now())).toBe(Date.UTC(2024, 0, 1));
    expect(Date.now()).toBeGreaterThanOrEqual(before);
    await expect(simulate(1, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  it('says so when what is waited for cannot come any more, or takes too long', async () => {
    await expect(simulate(100, () => new Promise(() => undefined))).rejects.toThrow(/nothing can happen/);
    await expect(simulate(100, () => pass(101))).rejects.toThrow(/still not done after 100 ms/);
  });
});

describe('A simulated connection', () => {
  it('delivers all bytes in order, in pieces, both ways', async () => {
    await simulate(20_000, async () => {
      const { client, server } = await connected();
      const random = new Random(7);
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        const bytes = random.bytes(5_000);
        const chunks = received(to);
        for (const part of random.chunks(bytes, 700)) from.write(part);
        await pass(5_000);
        expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
        expect(chunks.length).toBeGreaterThan(50);
      }
    });
  });

  it('holds a bounded number of bytes that nobody reads, and takes the rest once somebody does', async () => {
    await simulate(10_000, async () => {
      const { client, server } = await connected();
      let taken = false;
      client.write(new Uint8Array(5_000), () => (taken = true));
      await pass(1_000);
      expect([taken, client.writableLength, client.bytesWritten]).toEqual([false, 5_000, 5_000]);
      const chunks = received(server);
      await pass(5_000);
      expect([taken, Buffer.concat(chunks).length, client.writableLength]).toEqual([true, 5_000, 0]);
    });
  });

  it('holds a reader that pauses up to no data', async () => {
    await simulate(10_000, async () => {
      const { client, server } = await connected();
      const chunks = received(server);
      server.pause();
      client.write(new Uint8Array(500));
      await pass(1_000);
      expect(chunks).toHaveLength(0);
      server.resume();
      await pass(1_000);
      expect(Buffer.concat(chunks)).toHaveLength(500);
    });
  });

  it('stays half open when one side ends, and closes when both have', async () => {
    await simulate(10_000, async () => {
      const { client, server, told } = await connected();
      const chunks = received(client);
      server.resume();
      client.end(Uint8Array.of(1));
      await pass(100);
      server.end(Uint8Array.of(2));
      await pass(100);
      expect(Buffer.concat(chunks)).toEqual(Buffer.of(2));
      expect(told).toEqual(['client connect', 'server end', 'server close', 'client end', 'client close']);
    });
  });

  it('is ended by its client when the server has ended it, as Node has it', async () => {
    await simulate(10_000, async () => {
      const { client, server, told } = await connected();
      received(client);
      received(server);
      server.end();
      await pass(1_000);
      expect(told.slice(1).sort()).toEqual(['client close', 'client end', 'server close', 'server end']);
    });
  });

  it('closed with bytes unread, or written to after it was closed, resets the other side', async () => {
    await simulate(10_000, async () => {
      const unread = await connected();
      unread.client.write(Uint8Array.of(1));
      await pass(100);
      unread.server.destroy();
      await pass(100);
      expect(unread.told).toEqual(['client connect', 'server close', 'client ECONNRESET', 'client close']);

      const late = await connected();
      late.server.resume();
      late.client.destroy();
      await pass(100);
      late.server.write(Uint8Array.of(1));
      await pass(100);
      expect(late.told).toEqual([
        'client connect',
        'client close',
        'server end',
        'server ECONNRESET',
        'server close',
      ]);
    });
  });

  it('that is cut tells both sides; one that vanishes only who keeps it alive', async () => {
    await simulate(100_000, async () => {
      const cut = await connected();
      cut.network.links[0]?.cut();
      await pass(10);
      expect(cut.told.sort()).toEqual(
        ['client ECONNRESET', 'client close', 'client connect', 'server ECONNRESET', 'server close'].sort(),
      );
      expect(cut.network.links).toHaveLength(0);

      const vanished = await connected();
      vanished.server.setKeepAlive(true, 30_000);
      vanished.network.links[0]?.vanish();
      vanished.client.destroy();
      await pass(39_000);
      expect(vanished.told).toEqual(['client connect', 'client close']);
      await pass(2_000);
      expect(vanished.told.slice(2)).toEqual(['server ETIMEDOUT', 'server close']);
    });
  });

  it('that is abandoned is over for the client, and the server gets what was sent, late', async () => {
    await simulate(100_000, async () => {
      const { client, server, told } = await connected();
      const chunks = received(server);
      server.setKeepAlive(true, 5_000);
      client.write(Uint8Array.of(1, 2, 3));
      client.link.abandon(2_000);
      await pass(1_000);
      expect(told).toEqual(['client connect', 'client ECONNRESET', 'client close']);
      server.write(Uint8Array.of(4));
      await pass(2_000);
      expect(Buffer.concat(chunks)).toEqual(Buffer.of(1, 2, 3));
      expect(told).toHaveLength(3);
      await pass(13_000);
      expect(told.slice(3)).toEqual(['server ETIMEDOUT', 'server close']);
    });
  });

  it('is repeated on another one', async () => {
    await simulate(100_000, async () => {
      const network = new SimulatedNetwork(new Random(), { keepsSent: true });
      const streams: Uint8Array[][] = [];
      void network.listen(address, {
        accepted: (socket) => {
          socket.on('end', () => socket.end());
          streams.push(received(socket));
        },
      });
      const client = network.connect(address);
      client.write(Uint8Array.of(1, 2));
      client.end(Uint8Array.of(3));
      client.resume();
      await pass(1_000);
      expect(network.links).toHaveLength(0);
      network.repeat(client.link);
      await pass(1_000);
      expect(streams.map((chunks) => [...Buffer.concat(chunks)])).toEqual([
        [1, 2, 3],
        [1, 2, 3],
      ]);
      expect(network.links).toHaveLength(0);
    });
  });

  it('stalls for a while', async () => {
    await simulate(10_000, async () => {
      const { network, client, server } = await connected();
      const chunks = received(server);
      network.links[0]?.stall(1_000);
      client.write(Uint8Array.of(1));
      await pass(999);
      expect(chunks).toHaveLength(0);
      await pass(100);
      expect(chunks).toHaveLength(1);
    });
  });

  it('is refused where nobody listens, and silent where the network is', async () => {
    await simulate(10_000, async () => {
      const { network } = await connected();
      const codes: unknown[] = [];
      const attempt = (port: number): void => {
        const socket = network.connect({ ...address, port });
        socket.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code));
        socket.setTimeout(500, () => codes.push('timeout'));
      };
      attempt(1);
      network.fault = () => 'silent';
      attempt(address.port);
      network.fault = () => 'refused';
      attempt(address.port);
      await pass(1_000);
      expect(codes).toEqual(['ECONNREFUSED', 'ECONNREFUSED', 'timeout']);
    });
  });
});

describe('A history', () => {
  /** All that happens in a small world, with the times. */
  function history(random: Random): Promise<string[]> {
    return simulate(10_000, async (clock) => {
      const { client, server, told } = await connected(random, 300);
      server.on('data', (chunk: Uint8Array) => told.push(`${clock.nowMs} ${chunk.length}`));
      for (let round = 0; round < 20; round++) {
        client.write(random.bytes(random.integer(1, 400)));
        await pass(random.next() * 50);
      }
      client.end();
      await pass(5_000);
      return told;
    });
  }

  it('is the same for the same seed, and another for another one', async () => {
    const first = await history(new Random(1));
    expect(first.length).toBeGreaterThan(50);
    expect(await history(new Random(1))).toEqual(first);
    expect(await history(new Random(2))).not.toEqual(first);
  });

  it('that fails says how to run it alone', async () => {
    const failing = histories(5, 'a/b.test.ts', async (random, seed) => {
      if (seed === 3) throw new Error(`wrong with ${random.constructor.name}`);
    });
    await expect(failing).rejects.toThrow(
      /^wrong with Random\nseed 3; again: DS_SEED=3 DS_HISTORIES=1 npm test -- a\/b\.test\.ts$/,
    );
  });
});
