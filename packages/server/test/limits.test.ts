// Goal: no peer costs more than the limits say, each limit that is met is told, and nobody else notices. Times are
// checked once a second, so each of them shows within a second and a bit.
import { describe, expect, it } from 'vitest';
import { encodeResult, encodeSourceMessage, result, ResultCode } from '@ds/codec';

import { QueryPace } from '../src/clients/query-pace.js';
import type { StreamServer } from '../src/index.js';
import { command, expectStop, fill, MIB, OK, start } from './support/client.js';
import { hex, packetsIn, Peer, sleep } from './support/peer.js';
import { openSource, TestSource } from './support/source.js';
import { emptyStream, goldenStream, serve } from './support/stream.js';

const header = command({ kind: 'header' });
const headerAnswerBytes = OK.length + 38;
const serverFull = hex(encodeResult(result(ResultCode.serverFull)));

async function ask(server: StreamServer, from?: string): Promise<Peer> {
  const peer = await Peer.connect(server.clientAddress, from);
  peer.send(header);
  await peer.take(headerAnswerBytes);
  return peer;
}

/** The server ends the connection with this result and no other byte. */
async function expectRefusal(peer: Peer, code: number): Promise<void> {
  expect(packetsIn(await peer.rest())).toEqual([expect.objectContaining({ kind: 'result', code })]);
}

/** Sends these bytes over and over, one every 50 ms, until the server has ended the connection. */
async function trickle(peer: Peer, bytes: Uint8Array): Promise<void> {
  for (let at = 0; !peer.ended; at = (at + 1) % bytes.length) {
    peer.send(bytes.subarray(at, at + 1));
    await sleep(50);
  }
}

describe('The number of connections', () => {
  it('is limited in all: one too many is told so, and let in when there is room', async () => {
    const server = await serve(await goldenStream(), { limits: { clientsMax: 2 } });
    const [first] = [await ask(server), await ask(server)];
    const third = await Peer.connect(server.clientAddress);
    expect(hex(await third.rest())).toBe(serverFull);
    expect(server.clientCount).toBe(2);
    first.socket.destroy();
    await expect.poll(() => server.clientCount).toBe(1);
    await ask(server);
  });

  it('is limited for each address', async () => {
    const server = await serve(await goldenStream(), { limits: { clientsPerAddressMax: 1 } });
    const first = await ask(server, '127.0.0.1');
    const second = await Peer.connect(server.clientAddress, '127.0.0.1');
    expect(hex(await second.rest())).toBe(serverFull);
    await ask(server, '127.0.0.2');
    first.socket.destroy();
    await expect.poll(() => server.clientCount).toBe(1);
    await ask(server, '127.0.0.1');
  });

  it('is not got around by one that was refused and goes on talking', async () => {
    const server = await serve(await goldenStream(), { limits: { clientsMax: 0 } });
    const peer = await Peer.connect(server.clientAddress);
    expect(hex(await peer.rest())).toBe(serverFull);
    const send = setInterval(() => {
      peer.send(header);
    }, 50);
    await peer.until(() => peer.closed);
    clearInterval(send);
    expect(peer.receivedBytes).toBe(0);
  });
});

describe('The time for a first command', () => {
  const limits = { firstCommandMs: 300 };

  it('ends a connection that says nothing', async () => {
    const server = await serve(await goldenStream(), { limits });
    const quick = await ask(server);
    await expectRefusal(await Peer.connect(server.clientAddress), ResultCode.deadlineExceeded);
    quick.send(header);
    await quick.take(headerAnswerBytes);
  });

  it('is not made longer by sending it slowly', async () => {
    const server = await serve(await goldenStream(), { limits: { ...limits, commandMs: 300 } });
    const peer = await Peer.connect(server.clientAddress);
    await Promise.all([trickle(peer, command({ kind: 'entry', entryNumber: 1n })), expectRefusal(peer, 35)]);
  });

  it('holds for a source, too', async () => {
    const server = await serve(await goldenStream(), { limits });
    const silent = await TestSource.connect(server);
    expect(await silent.lastAnswer()).toMatchObject({ code: ResultCode.deadlineExceeded });
    const slow = await TestSource.connect(server);
    const open = encodeSourceMessage(openSource({ token: new Uint8Array(1000) }), 1n);
    const [refusal] = await Promise.all([slow.lastAnswer(), trickle(slow.peer, open)]);
    expect(refusal.code).toBe(ResultCode.deadlineExceeded);
    const quick = await TestSource.open(server);
    await sleep(1_500);
    quick.send({ kind: 'header' });
    expect(await quick.answer()).toMatchObject({ code: 0 });
  });
});

describe('The time for a command that has begun', () => {
  it('ends a connection, however slowly it goes on', async () => {
    const server = await serve(await goldenStream(), { limits: { commandMs: 300 } });
    const peer = await ask(server);
    const long = command({ kind: 'bookmark', bookmark: new Uint8Array(16) });
    await Promise.all([trickle(peer, long), expectRefusal(peer, ResultCode.deadlineExceeded)]);
  });
});

describe('The time without a command', () => {
  const limits = { idleMs: 300 };

  it('ends a connection on which nothing streams', async () => {
    const server = await serve(await goldenStream(), { limits });
    await expectRefusal(await ask(server), ResultCode.deadlineExceeded);
  });

  it('does not run while a stream is quiet, and runs again when it is stopped', async () => {
    const server = await serve(await goldenStream(), {
      limits: { ...limits, commandMs: 300, firstCommandMs: 300 },
    });
    const peer = await start(server, 3n);
    await sleep(2_500);
    await expectStop(peer);
    await expectRefusal(peer, ResultCode.deadlineExceeded);
  });
});

describe('The time without a byte taken', () => {
  it('ends a connection that takes nothing, not one that takes little', async () => {
    const file = await emptyStream();
    const entries = await fill(file, 24);
    const server = await serve(file, { limits: { stallMs: 1_000 } });
    const stalled = await start(server, 0n);
    stalled.socket.pause();
    const slow = await start(server, 0n);
    const size = entries.reduce((total, { data }) => total + 17 + data.length, 0);
    const readSlowly = async (): Promise<void> => {
      while (slow.totalBytes < size) {
        slow.socket.resume();
        await sleep(10);
        slow.socket.pause();
        slow.taken();
        await sleep(200);
      }
    };
    await Promise.all([readSlowly(), expect.poll(() => server.clientCount, { timeout: 10_000 }).toBe(1)]);
    expect(slow.closed).toBe(false);
    expect(slow.totalBytes).toBe(size + OK.length);
    expect(stalled.totalBytes).toBeLessThan(20 * MIB);
  });
});

describe('The number of answers in a second', () => {
  const entry = command({ kind: 'entry', entryNumber: 99n });
  const answerBytes = OK.length + 17;

  it('is limited for each client: who asks more often waits, is not read meanwhile, and gets every answer', async () => {
    const server = await serve(await goldenStream(), { limits: { queriesPerSecondMax: 20 } });
    const eager = await Peer.connect(server.clientAddress);
    const begunMs = performance.now();
    eager.send(...Array.from({ length: 30 }, () => entry));
    await eager.take(20 * answerBytes);
    eager.send(header);
    const other = await ask(server);
    other.send(entry);
    await other.take(answerBytes);
    await eager.take(10 * answerBytes + headerAnswerBytes);
    expect(performance.now() - begunMs).toBeGreaterThan(450);
  });

  it('can be saved up for one second, and no longer', () => {
    const pace = new QueryPace(10);
    const waits = (nowMs: number, count: number): number[] =>
      Array.from({ length: count }, () => pace.take(nowMs));
    expect(waits(0, 12)).toEqual([...Array<number>(10).fill(0), 100, 200]);
    expect(waits(100_000, 11)).toEqual([...Array<number>(10).fill(0), 100]);
  });
});

describe('The number of sources', () => {
  it('is limited, too: one too many is told so', async () => {
    const server = await serve(await goldenStream(), { limits: { sourcesMax: 1 } });
    const source = await TestSource.open(server);
    const second = await TestSource.connect(server);
    expect(hex(await second.peer.rest())).toBe(serverFull);
    source.send({ kind: 'header' });
    expect(await source.answer()).toMatchObject({ code: 0 });
  });
});
