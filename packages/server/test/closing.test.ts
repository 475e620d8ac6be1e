// Goal: a server that closes takes leave of everybody: what is on its way arrives, everybody learns why, and nobody can
// hold it up.
import { describe, expect, it } from 'vitest';
import { ResultCode } from '@ds/codec';

import { ServerError, StreamServer } from '../src/index.js';
import { command, fill, MIB, start } from './support/client.js';
import { TestDisk } from './support/disk.js';
import { hex, packetsIn, Peer, sleep } from './support/peer.js';
import { commit, entry, startAny, TestSource } from './support/source.js';
import { bytesOf, commit as commitTo, emptyStream, goldenStream, numbered, serve } from './support/stream.js';

const data = Uint8Array.of(1, 2, 3);

describe('A server that closes', () => {
  it('tells clients and sources, ends streams, and lets nobody in any more', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    const stopped = await Peer.connect(server.clientAddress);
    const streaming = await start(server, 3n);
    const source = await TestSource.open(server);
    stopped.send(command({ kind: 'header' }));
    await stopped.take(11 + 38);
    const closing = server.close();
    expect(packetsIn(await stopped.rest())).toMatchObject([{ code: ResultCode.shuttingDown }]);
    expect(await streaming.rest()).toHaveLength(0);
    expect(await source.lastAnswer()).toMatchObject({ code: ResultCode.shuttingDown });
    for (const peer of [stopped, streaming, source.peer]) peer.socket.end();
    await closing;
    await expect(Peer.connect(server.clientAddress)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await server.close();
  });

  it('leaves its stream file open', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    await server.close();
    await commitTo(file, [{ type: 1, data }]);
    expect(file.header.totalEntries).toBe(4n);
  });

  it('delivers what is on its way to a client that takes its time, and only whole entries', async () => {
    const file = await emptyStream();
    const entries = await fill(file, 32);
    const server = await serve(file, { limits: { closeMs: 10_000 } });
    const peer = await start(server, 0n);
    peer.socket.pause();
    await sleep(100);
    const closing = server.close();
    // Longer than the server waits for a peer that has been sent everything.
    await sleep(2_500);
    peer.socket.resume();
    peer.socket.end();
    const given = Buffer.from(await peer.rest());
    expect(given.length).toBeGreaterThan(MIB);
    expect(given.length % (MIB / 2)).toBe(0);
    expect(given.equals(Buffer.from(bytesOf(entries)).subarray(0, given.length))).toBe(true);
    await closing;
  });

  it('is not disturbed by commits that go on meanwhile', async () => {
    const file = await emptyStream();
    const entries = await fill(file, 32);
    const server = await serve(file, { limits: { closeMs: 10_000 } });
    const peer = await start(server, 0n);
    peer.socket.pause();
    await sleep(100);
    const closing = server.close();
    for (let more = 0; more < 20; more++) await commitTo(file, [{ type: 1, data }]);
    peer.socket.resume();
    peer.socket.end();
    // What was on its way, whole, and nothing behind it.
    const rest = await peer.rest();
    expect(rest.length).toBeGreaterThan(0);
    expect(rest.length % (MIB / 2)).toBe(0);
    expect(Buffer.from(bytesOf(entries)).subarray(0, rest.length).equals(rest)).toBe(true);
    expect(peer.ended).toBe(true);
    await closing;
  });

  it('acknowledges the commits that are under way', async () => {
    const disk = new TestDisk();
    const file = await emptyStream({ disk });
    const server = await serve(file, { limits: { closeMs: 10_000 } });
    const source = await TestSource.open(server);
    disk.hold();
    source.send(startAny, entry(1, data), commit, startAny, entry(1, data), commit);
    await sleep(50);
    const closing = server.close();
    disk.release();
    expect(await source.answer()).toMatchObject({ code: 0 });
    expect(await source.answer()).toMatchObject({ code: 0, header: { totalEntries: 2n } });
    expect(await source.lastAnswer()).toMatchObject({ code: ResultCode.shuttingDown });
    source.peer.socket.end();
    await closing;
  });

  it('cuts off who takes nothing or does not go, in the time that it was given', async () => {
    const file = await emptyStream();
    await fill(file, 16);
    const server = await serve(file, { limits: { closeMs: 300, clientsMax: 2 } });
    const stalled = await start(server, 0n);
    stalled.socket.pause();
    await Peer.connect(server.clientAddress);
    const refused = await Peer.connect(server.clientAddress);
    await refused.rest();
    await TestSource.open(server);
    const begunMs = performance.now();
    await server.close();
    expect(performance.now() - begunMs).toBeLessThan(1_500);
  });
});

describe('A server that cannot listen', () => {
  it('says where, and leaves nothing behind', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    const { port } = server.clientAddress;
    const host = '127.0.0.1';
    const failing = StreamServer.start({ file, clients: { host, port: 0 }, source: { host, port } });
    await expect(failing).rejects.toBeInstanceOf(ServerError);
    await expect(failing).rejects.toMatchObject({ code: 'listen' });
    await expect(failing).rejects.toThrow(`port ${port}`);
    const peer = await start(server, 3n);
    await commitTo(file, [{ type: 1, data }]);
    expect(hex(await peer.take(20))).toBe(hex(bytesOf(numbered(3n, [{ type: 1, data }]))));
  });
});
