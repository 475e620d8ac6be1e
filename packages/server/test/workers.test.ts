// Goal: a server with workers is one service. Its processes start and end together, one that is lost is replaced and takes
// nobody with it but its own clients, what they count is counted once, and nobody can tell from a worker's answers that it
// learns of the stream from another process. That clients see no other difference: same-with-workers.test.ts.
import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeEntry, encodeResult, result, ResultCode } from '@ds/codec';

import { effort, Random, seed } from '@ds/test-kit';
import { StreamServer, type Logger, type ServerObserver } from '../src/index.js';
import { defaultLimits } from '../src/options.js';
import { Descriptors } from '../src/ports/descriptors.js';
import { WorkerPool, type WorkersStatus } from '../src/workers/worker-pool.js';
import { command, expectStop, fill, MIB, OK, start } from './support/client.js';
import { hex, packetsIn, Peer, sleep } from './support/peer.js';
import { ServerProcess } from './support/server-process.js';
import { commit as commitMessage, entry, startAny, TestSource } from './support/source.js';
import { bytesOf, commit, emptyStream, goldenStream, numbered, serve, serving } from './support/stream.js';
import './support/workers.js';

const header = command({ kind: 'header' });
const data = Uint8Array.of(1, 2, 3);

/** A logger that remembers which workers were started, and what was told as an error. */
class WorkersLog implements Logger {
  readonly started: number[] = [];
  readonly errors: string[] = [];
  debug(fields: object, message: string): void {
    if (message === 'worker started') this.started.push((fields as { worker: number }).worker);
  }
  info(): void {}
  warn(): void {}
  error(_fields: object, message: string): void {
    this.errors.push(message);
  }
}

/** A client that has been answered. */
async function ask(server: StreamServer): Promise<Peer> {
  const peer = await Peer.connect(server.clientAddress);
  peer.send(header);
  await peer.take(OK.length + 38);
  return peer;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('Connections', () => {
  it('are shared out evenly, and counted where they are accepted', async () => {
    const log = new WorkersLog();
    const server = await serve(await goldenStream(), { logger: log });
    expect(server.workers).toMatchObject({ running: 2, lost: 0 });
    const peers = [await ask(server), await ask(server), await ask(server), await ask(server)];
    expect(server.clientCount).toBe(4);
    process.kill(log.started[0]!, 'SIGKILL');
    await expect.poll(() => peers.filter(({ ended }) => ended).length).toBe(2);
    await expect.poll(() => server.clientCount).toBe(2);
  });
});

describe('A worker that is killed', () => {
  it('takes its own clients with it and nobody else, and is replaced', async () => {
    const log = new WorkersLog();
    const file = await goldenStream();
    const server = await serve(file, { logger: log });
    const peers = [await start(server, 3n), await start(server, 3n)];
    process.kill(log.started[0]!, 'SIGKILL');
    await expect.poll(() => peers.some(({ ended }) => ended)).toBe(true);
    await commit(file, [{ type: 1, data }]);
    const expected = bytesOf(numbered(3n, [{ type: 1, data }]));
    const left = peers.find(({ ended }) => !ended)!;
    expect(hex(await left.take(expected.length))).toBe(hex(expected));
    await expectStop(left);

    const again = await start(server, 3n);
    expect(hex(await again.take(expected.length))).toBe(hex(expected));
    await expect.poll(() => server.workers).toMatchObject({ running: 2, lost: 1 });
    expect(log.started).toHaveLength(3);
    expect(log.errors).toEqual(['worker has ended']);
    await ask(server);
    await ask(server);
  });

  it('leaves nobody who comes meanwhile waiting when it was the last one', async () => {
    const log = new WorkersLog();
    const workers = { ...serving.workers!, count: 1 };
    const server = await serve(await goldenStream(), { logger: log, workers });
    for (let lost = 1; lost <= 3; lost++) {
      await ask(server);
      process.kill(log.started.at(-1)!, 'SIGKILL');
      // It may be handed to the one that has died, or find none at all.
      const meanwhile = await Peer.connect(server.clientAddress);
      await meanwhile.rest();
      await expect.poll(() => server.workers, { timeout: 5_000 }).toMatchObject({ running: 1, lost });
    }
    await ask(server);
  });

  it('leaves nobody waiting for the next one, which may never begin', async () => {
    const log = new WorkersLog();
    const workers = { ...serving.workers!, count: 1 };
    const server = await serve(await goldenStream(), { logger: log, workers });
    process.kill(log.started[0]!, 'SIGKILL');
    await expect.poll(() => log.started.length, { timeout: 5_000, interval: 1 }).toBe(2);
    process.kill(log.started[1]!, 'SIGSTOP');
    const meanwhile = await Peer.connect(server.clientAddress);
    expect(hex(await meanwhile.rest())).toBe(hex(encodeResult(result(ResultCode.serverFull))));
    process.kill(log.started[1]!, 'SIGCONT');
    await expect.poll(() => server.workers, { timeout: 5_000 }).toMatchObject({ running: 1, lost: 1 });
    await ask(server);
  });

  it('is waited for no longer by an update, which waits for those that are there', async () => {
    const log = new WorkersLog();
    const file = await goldenStream();
    const server = await serve(file, { logger: log });
    process.kill(log.started[0]!, 'SIGSTOP');
    const updated = file.updateEntryData(1n, 1, Uint8Array.of(5, 4, 3, 2, 1));
    const first = await Promise.race([updated.then(() => 'done'), sleep(1_000).then(() => 'waits')]);
    expect(first).toBe('waits');
    process.kill(log.started[0]!, 'SIGKILL');
    await updated;
    const peer = await start(server, 1n);
    expect(hex(await peer.take(22))).toContain('0504030201');
  });
});

/** The workers of a golden stream, without a port. They are gone with the test. */
async function openPool(logger: WorkersLog): Promise<WorkerPool> {
  const pool = new WorkerPool(serving.workers!, {
    file: await goldenStream(),
    token: undefined,
    limits: defaultLimits,
    descriptors: new Descriptors(),
    logger,
    observer: undefined,
  });
  onTestFinished(() => pool.close());
  await pool.open(undefined);
  return pool;
}

describe('A worker that is stuck', () => {
  it('is killed and replaced', async () => {
    const log = new WorkersLog();
    const pool = await openPool(log);
    // One that says something is left alone however often it is looked at.
    for (let look = 0; look < 5; look++) {
      pool.tick();
      await sleep(300);
    }
    expect(pool.workers).toMatchObject({ running: 2, lost: 0 });
    process.kill(log.started[0]!, 'SIGSTOP');
    await sleep(50);
    for (let look = 0; look <= 11; look++) {
      pool.tick();
      if (look % 4 === 0) await sleep(300);
    }
    await expect.poll(() => pool.workers).toMatchObject({ running: 2, lost: 1 });
    expect(log.errors[0]).toBe('worker is stuck: killed');
  });

  it('is not one that has nothing to say, since it waits for a change of the stream to be over', async () => {
    const log = new WorkersLog();
    const pool = await openPool(log);
    await pool.changing();
    process.kill(log.started[0]!, 'SIGKILL');
    await expect.poll(() => log.started.length, { timeout: 5_000 }).toBe(3);
    for (let look = 0; look <= 11; look++) {
      pool.tick();
      if (look % 4 === 0) await sleep(300);
    }
    pool.changed();
    pool.tick();
    await expect.poll(() => pool.workers, { timeout: 5_000 }).toMatchObject({ running: 2, lost: 1 });
    expect(log.errors).toEqual(['worker has ended']);
  });

  it('does not hold up a server that closes', async () => {
    const log = new WorkersLog();
    const server = await serve(await goldenStream(), { logger: log, limits: { closeMs: 100 } });
    await ask(server);
    for (const pid of log.started) process.kill(pid, 'SIGSTOP');
    await server.close();
    expect(log.started.filter(isThere)).toEqual([]);
  });
});

describe('The processes of a server', () => {
  it('end with it when it closes', async () => {
    const log = new WorkersLog();
    const server = await serve(await goldenStream(), { logger: log });
    const peer = await start(server, 3n);
    peer.socket.once('end', () => peer.socket.end());
    await server.close();
    expect(log.started).toHaveLength(2);
    expect(log.started.filter(isThere)).toEqual([]);
    expect(log.errors).toEqual([]);
  });

  it('end with the main one when that is killed', async () => {
    const server = await ServerProcess.start({}, serving.workers);
    const { port, workers } = await server.ask();
    expect(workers).toHaveLength(2);
    const peer = await Peer.connect({ port });
    server.kill();
    await peer.rest();
    await expect.poll(() => workers.filter(isThere), { timeout: 5_000 }).toEqual([]);
  });

  it('leave signals that a terminal sends to all of them to the main one', async () => {
    const log = new WorkersLog();
    const server = await serve(await goldenStream(), { logger: log });
    const peer = await ask(server);
    for (const pid of log.started) for (const signal of ['SIGINT', 'SIGTERM']) process.kill(pid, signal);
    await sleep(100);
    peer.send(header);
    await peer.take(OK.length + 38);
    expect(server.workers).toMatchObject({ running: 2, lost: 0 });
  });

  it('do not start where one of them cannot, and none is left behind', async () => {
    const file = await goldenStream();
    const log = new WorkersLog();
    const failing = StreamServer.start({
      file,
      clients: { host: '127.0.0.1', port: 0 },
      workers: { count: 2, program: '/nowhere/worker.js' },
      logger: log,
    });
    await expect(failing).rejects.toMatchObject({ code: 'worker' });
    expect(log.started.filter(isThere)).toEqual([]);
  });
});

describe('What was committed before a client asks', () => {
  it('is known to every worker, however late it is told', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    const source = await TestSource.open(server);
    const peers = [await Peer.connect(server.clientAddress), await Peer.connect(server.clientAddress)];
    for (let next = 3n; next < 200n; next += 1n) {
      source.send(startAny, entry(1, data), commitMessage);
      await source.answer();
      const peer = peers[Number(next % 2n)]!;
      switch (next % 3n) {
        case 0n:
          peer.send(header);
          expect(packetsIn(await peer.take(OK.length + 38))[1]).toMatchObject({
            header: { totalEntries: next + 1n },
          });
          break;
        case 1n:
          peer.send(command({ kind: 'entry', entryNumber: next }));
          expect(packetsIn(await peer.take(OK.length + 20))[1]).toMatchObject({ entry: { number: next } });
          break;
        default:
          peer.send(command({ kind: 'start', fromEntry: next + 1n }), command({ kind: 'stop' }));
          expect(hex(await peer.take(2 * OK.length))).toBe(hex(Buffer.concat([OK, OK])));
      }
    }
  });
});

describe('What is told of clients', () => {
  it('is added up over all workers', async () => {
    const counts = new Map<string, number>();
    const count = (what: string, by = 1): void => void counts.set(what, (counts.get(what) ?? 0) + by);
    const observer: ServerObserver = {
      accepted: (kind) => {
        count(`accepted ${kind}`);
      },
      refused: (kind, reason) => {
        count(`refused ${kind} ${reason}`);
      },
      disconnected: (kind, reason) => {
        count(`disconnected ${kind} ${reason}`);
      },
      rejected: (kind, code) => {
        count(`rejected ${kind} ${code}`);
      },
      sent: (bytes, entries) => {
        count('bytes', bytes);
        count('entries', entries);
      },
    };
    const server = await serve(await goldenStream(), { observer, limits: { clientsMax: 4 } });
    const entries = 26 + 22 + 17;
    const peers = await Promise.all([0n, 0n, 0n].map((from) => start(server, from)));
    for (const peer of peers) await peer.take(entries);
    const rejected = await Peer.connect(server.clientAddress);
    rejected.send(command({ kind: 'start', fromEntry: 9n }));
    await rejected.take(23);
    const full = await Peer.connect(server.clientAddress);
    await full.rest();
    const clients = await server.clients();
    expect(clients.map(({ state }) => state).sort()).toEqual([
      'stopped',
      'streaming',
      'streaming',
      'streaming',
    ]);
    const names = [...peers, rejected].map(({ socket }) => `127.0.0.1:${socket.localPort}`);
    expect(clients.map(({ peer }) => peer).sort()).toEqual(names.sort());
    expect(clients.every(({ lagBytes }) => lagBytes === 0)).toBe(true);
    for (const peer of peers) peer.socket.end();
    await expect
      .poll(() => Object.fromEntries(counts))
      .toEqual({
        'accepted client': 4,
        'refused client full': 1,
        'rejected client 3': 1,
        'disconnected client peer': 3,
        bytes: 3 * entries,
        entries: 9,
      });
  });
});

describe('What workers cost and bring', () => {
  it('is known of all together, and what has been is not forgotten when one ends', async () => {
    const file = await emptyStream();
    await fill(file, 2);
    const log = new WorkersLog();
    const server = await serve(file, { logger: log });
    const status = (): WorkersStatus => {
      if (!server.workers) throw new Error('there are no workers');
      return server.workers;
    };
    await (await start(server, 0n)).take(2 * MIB - 4);
    await expect.poll(() => status().cache.misses).toBeGreaterThan(0);
    const before = status();
    expect(before.cache.bytes).toBeGreaterThan(0);
    expect(before.cpuSeconds).toBeGreaterThan(0);
    expect(before.residentBytes).toBeGreaterThan(MIB);
    for (const pid of [...log.started]) process.kill(pid, 'SIGKILL');
    await expect.poll(() => status().lost).toBe(before.running);
    expect(status().cache.misses).toBeGreaterThanOrEqual(before.cache.misses);
    expect(status().cpuSeconds).toBeGreaterThanOrEqual(before.cpuSeconds);
    await expect.poll(() => status().running).toBe(before.running);
  });
});

describe(`A stream that is cut, updated and written all the time (seed ${seed})`, () => {
  it('is streamed by workers without a byte of what was cut or half updated', async () => {
    const random = new Random();
    const file = await emptyStream({ pageBytes: 4096, cachePages: 3 });
    const server = await serve(file, { limits: { sendBytesMax: 16 << 10 } });
    /** What each entry has been since it was last cut, in the order of updates. */
    const stream: Uint8Array[][] = [];
    const followers: { peer: Peer; from: number }[] = [];
    const over = new AbortController();
    const joining = (async () => {
      while (!over.signal.aborted) {
        const from = random.integer(0, stream.length);
        const peer = await Peer.connect(server.clientAddress);
        peer.send(command({ kind: 'start', fromEntry: BigInt(from) }));
        followers.push({ peer, from });
        await sleep(random.integer(0, 20));
      }
    })();
    for (let round = 0; round < 200 * effort; round++) {
      const total = stream.length;
      if (random.chance(0.1) && total > 20) {
        const cut = random.integer(total - 20, total - 1);
        stream.length = cut;
        await file.truncateFile(BigInt(cut));
      } else if (random.chance(0.2) && total > 0) {
        const number = random.integer(Math.max(0, total - 30), total - 1);
        const versions = stream[number]!;
        const updated = Buffer.alloc(versions[0]!.length - 17, round + 1);
        versions.push(encodeEntry({ type: 1, number: BigInt(number), data: updated }));
        await file.updateEntryData(BigInt(number), 1, updated);
      } else {
        const entries = numbered(
          BigInt(total),
          Array.from({ length: random.integer(1, 8) }, () => ({
            type: 1,
            data: Buffer.alloc(random.integer(0, 1500), round + 1),
          })),
        );
        for (const each of entries) stream.push([encodeEntry(each)]);
        await commit(file, entries);
      }
      if (random.chance(0.3)) await sleep(random.integer(0, 5));
    }
    // Those that come now are cut off by nothing any more.
    const before = followers.length;
    await expect.poll(() => followers.length).toBeGreaterThan(before + 5);
    over.abort();
    await joining;
    let whole = 0;
    for (const { peer, from } of followers) {
      // It may have asked for what was there no more.
      if (hex(await peer.take(OK.length)) !== hex(OK) || from > stream.length) continue;
      const wanted = stream.slice(from).reduce((bytes, [first]) => bytes + first!.length, 0);
      await peer.until(() => peer.receivedBytes >= wanted || peer.ended);
      if (peer.ended) continue;
      whole++;
      let at = 0;
      const given = Buffer.from(await peer.take(wanted));
      for (const [nth, versions] of stream.slice(from).entries()) {
        const part = given.subarray(at, (at += versions[0]!.length));
        const isOne = versions.some((version) => part.equals(version));
        expect(isOne, `entry ${from + nth} of a client that started at ${from}`).toBe(true);
      }
    }
    expect(whole).toBeGreaterThan(3);
  });
});
