// Goal: crowds of clients that take their time, or are gone without a word, cost those beside them nothing that they would
// notice, and the server no memory that grows with them.
// Method: a server in a process of its own, and real connections. What was measured is printed; the bounds that are asserted
// are far from it, so that a slow machine passes. A long run has five times as many clients.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { describe, expect, it, onTestFinished } from 'vitest';

import { effort } from '@ds/test-kit';
import { command, MIB, OK } from './support/client.js';
import { Peer, sleep } from './support/peer.js';
import { print, quantile, ServerProcess } from './support/server-process.js';

const LONG = effort > 1;
const ENTRY_BYTES = 17 + 100;
const timeout = 120_000 * effort;

/** Files and sockets that a process may have open here. */
function descriptorsMax(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1');
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? 1_024);
  } catch {
    return 1_024;
  }
}

async function follower(port: number): Promise<Peer> {
  const peer = await Peer.connect({ port });
  peer.send(command({ kind: 'start', fromEntry: 0n }));
  await peer.take(OK.length);
  return peer;
}

/** Connects so many, not all of them at the same time. */
async function crowd(count: number, connect: (nth: number) => Promise<Peer>): Promise<Peer[]> {
  const peers: Peer[] = [];
  while (peers.length < count) {
    const some = Math.min(100, count - peers.length);
    peers.push(
      ...(await Promise.all(Array.from({ length: some }, (_none, nth) => connect(peers.length + nth)))),
    );
  }
  return peers;
}

describe('Clients that send their first command byte by byte', { timeout }, () => {
  const count = Math.min(LONG ? 10_000 : 2_000, descriptorsMax() - 500);

  it(`are ${count}, disturb nobody, and are gone when their time is over`, async () => {
    const server = await ServerProcess.start({
      clientsMax: count + 10,
      clientsPerAddressMax: count + 10,
      firstCommandMs: LONG ? 60_000 : 15_000,
    });
    const { port, rss } = await server.ask();
    const honest = await follower(port);
    const header = command({ kind: 'header' });
    const slow = await crowd(count, () => Peer.connect({ port }));
    let sent = 0;
    const trickle = setInterval(() => {
      const byte = header.subarray(sent, ++sent);
      for (const peer of slow) if (sent < header.length && !peer.ended) peer.socket.write(byte);
    }, 500);
    onTestFinished(() => {
      clearInterval(trickle);
    });
    const during = await server.ask({ commit: { count: 200, bytes: 100 } });
    // On a machine that is slow, the first ones' time is over when the last one connects.
    expect(during.clients).toBeGreaterThan(count / 4);
    await honest.take(200 * ENTRY_BYTES);
    await server.clientsAre(1);
    print(`${count} slow clients`, {
      'at the same time': during.clients - 1,
      'commit p50 ms': quantile(during.tookMs, 0.5),
      'commit p99 ms': quantile(during.tookMs, 0.99),
      'KiB a client': (during.rss - rss) / 1024 / count,
    });
    expect((during.rss - rss) / count).toBeLessThan(100 * 1024);
  });
});

describe('Clients that take nothing', { timeout }, () => {
  const stalledCount = LONG ? 1_000 : 200;
  const liveCount = LONG ? 100 : 50;

  it(`are ${stalledCount}, and ${liveCount} live ones beside them notice nothing`, async () => {
    const server = await ServerProcess.start({ clientsPerAddressMax: 10_000 });
    const { port } = await server.ask({ commit: { count: 64, bytes: MIB - 17 } });
    // The live ones follow from the end on.
    const live = await crowd(liveCount, async () => {
      const peer = await Peer.connect({ port });
      peer.send(command({ kind: 'start', fromEntry: 64n }));
      await peer.take(OK.length);
      return peer;
    });
    const rounds = 200;
    const measure = async (): Promise<{ tookMs: readonly number[]; allMs: number; rss: number }> => {
      const begunMs = performance.now();
      const { tookMs, rss } = await server.ask({ commit: { count: rounds, bytes: 100 } });
      await Promise.all(live.map((peer) => peer.take(rounds * ENTRY_BYTES)));
      return { tookMs, allMs: performance.now() - begunMs, rss };
    };
    await measure();
    const alone = await measure();
    await crowd(stalledCount, async () => {
      const peer = await follower(port);
      peer.socket.pause();
      return peer;
    });
    await sleep(500);
    const beside = await measure();
    print(`${stalledCount} stalled clients beside ${liveCount} live ones`, {
      'commit p50 ms before': quantile(alone.tookMs, 0.5),
      after: quantile(beside.tookMs, 0.5),
      'commit p99 ms before': quantile(alone.tookMs, 0.99),
      'p99 after': quantile(beside.tookMs, 0.99),
      'ms until all live ones had all before': alone.allMs,
      'all after': beside.allMs,
      'MiB more': (beside.rss - alone.rss) / MIB,
    });
    expect(beside.allMs).toBeLessThan(20_000);
    // At most what is handed to their sockets ahead, as if they shared none of it.
    expect(beside.rss - alone.rss).toBeLessThan(Math.max(256, stalledCount) * MIB);
  });
});

/** A network of its own, joined to this one by a cable; undefined where none can be made. */
function networkNamespace(): { name: string; address: string; cut(): void; remove(): void } | string {
  const name = `ds${process.pid}`;
  // Of its own: a run that was killed may have left one behind.
  const subnet = `198.${18 + (process.pid & 1)}.${(process.pid >> 1) & 255}`;
  const ip = (...options: string[]): void => {
    execFileSync('ip', options, { stdio: 'pipe' });
  };
  const remove = (): void => {
    for (const what of [
      ['link', 'del', `${name}a`],
      ['netns', 'del', name],
    ]) {
      try {
        ip(...what);
      } catch {
        // It has not been made.
      }
    }
  };
  try {
    ip('netns', 'add', name);
    ip('link', 'add', `${name}a`, 'type', 'veth', 'peer', 'name', `${name}b`, 'netns', name);
    ip('addr', 'add', `${subnet}.1/30`, 'dev', `${name}a`);
    ip('link', 'set', `${name}a`, 'up');
    ip('-n', name, 'addr', 'add', `${subnet}.2/30`, 'dev', `${name}b`);
    ip('-n', name, 'link', 'set', `${name}b`, 'up');
  } catch (error) {
    remove();
    return error instanceof Error ? (error.message.split('\n')[1] ?? error.message) : String(error);
  }
  // Not the cable's end here: an interface that is down is told to those who use it.
  const cut = (): void => {
    ip('-n', name, 'link', 'set', `${name}b`, 'down');
  };
  return { name, address: `${subnet}.1`, cut, remove };
}

/** Connects twice, follows on one connection and asks for a header on the other, then reads and says nothing more. */
const CLIENTS_PROGRAM = `
const [host, port, start, header] = process.argv.slice(1);
for (const bytes of [start, header]) {
  const socket = require('node:net').connect({ host, port: Number(port) });
  socket.write(Buffer.from(bytes, 'hex'));
  socket.once('data', () => process.stdout.write('x'));
  socket.on('error', () => undefined);
}
`;

describe('Clients whose network is gone', { timeout }, () => {
  it('are found out, the quiet one and the one that is sent to', async (context) => {
    const network = networkNamespace();
    if (typeof network === 'string') {
      context.skip(`no network namespace can be made here: ${network}`);
      return;
    }
    onTestFinished(() => {
      network.remove();
    });
    const server = await ServerProcess.start({ stallMs: 2_000 });
    const { port } = await server.ask({ commit: { count: 1, bytes: 100 } });
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
    const clients = spawn(
      'ip',
      [
        'netns',
        'exec',
        network.name,
        process.execPath,
        '-e',
        CLIENTS_PROGRAM,
        network.address,
        String(port),
      ].concat(hex(command({ kind: 'start', fromEntry: 0n })), hex(command({ kind: 'header' }))),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    onTestFinished(() => void clients.kill('SIGKILL'));
    let answered = 0;
    clients.stdout.on('data', (chunk: Buffer) => (answered += chunk.length));
    while (answered < 2) await sleep(20);
    network.cut();
    const cutMs = performance.now();
    // More than the kernel takes on its own.
    await server.ask({ commit: { count: 64, bytes: MIB - 17 } });
    await server.clientsAre(1);
    const stalledMs = performance.now() - cutMs;
    await server.clientsAre(0);
    print('after the network was gone', {
      's until the client with something to take was freed': stalledMs / 1_000,
      's until the quiet one was': (performance.now() - cutMs) / 1_000,
    });
  });
});
