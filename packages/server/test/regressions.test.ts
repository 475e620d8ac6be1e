// Goal: none of the faults that servers of this protocol have had comes back. Each test is named after what went wrong.
import { describe, expect, it } from 'vitest';
import { encodeNotFound, encodeResult, encodeSourceMessage, result, ResultCode } from '@ds/codec';

import { effort } from '@ds/test-kit';
import { goldenEntries } from '../../codec/test/golden.js';
import { command, expectStop, fill, MIB, OK, settled, start } from './support/client.js';
import { TestDisk } from './support/disk.js';
import { hex, liveBytes, packetsIn, Peer, sleep } from './support/peer.js';
import { commit as commitMessage, entry, startAny, TestSource } from './support/source.js';
import { add, bytesOf, commit, emptyStream, goldenStream, numbered, serve } from './support/stream.js';

const header = command({ kind: 'header' });
const one = [{ type: 1, data: Uint8Array.of(1, 2, 3) }];

describe('It has happened, and must not again, that', () => {
  it.each(Array.from({ length: effort }, (_none, round) => round))(
    'the hand-over from catch-up to live repeated entries, or lost some (round %i)',
    async () => {
      const file = await emptyStream();
      const server = await serve(file);
      const starts: Promise<Peer>[] = [];
      for (let round = 0; round < 400; round++) {
        const committed = commit(file, one);
        starts.push(start(server, 0n));
        await committed;
        if (round % 7 === 0) await new Promise(setImmediate);
      }
      const count = Number(file.header.totalEntries);
      const entries = numbered(
        0n,
        Array.from({ length: count }, () => one[0]!),
      );
      const expected = Buffer.from(bytesOf(entries));
      for (const peer of await Promise.all(starts)) {
        expect(expected.equals(await peer.take(expected.length))).toBe(true);
        await expectStop(peer);
      }
    },
  );

  it('a Start at the tip while an operation was open stayed silent for ever', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    file.startAtomicOp();
    const peer = await start(server, 3n);
    add(file, one);
    await file.commitAtomicOp();
    expect(hex(await peer.take(20))).toBe(hex(bytesOf(numbered(3n, one))));
  });

  it('five stalled clients blocked a commit', async () => {
    const file = await emptyStream();
    await fill(file, 16);
    const server = await serve(file);
    for (let stalled = 0; stalled < 5; stalled++) (await start(server, 0n)).socket.pause();
    await sleep(50);
    const begunMs = performance.now();
    await commit(file, one);
    expect(performance.now() - begunMs).toBeLessThan(1_000);
  });

  it('a failed Start wedged the connection', async () => {
    const server = await serve(await goldenStream());
    const peer = await Peer.connect(server.clientAddress);
    const refusal = encodeResult(result(ResultCode.badFromEntry));
    for (let round = 0; round < 3; round++) {
      peer.send(command({ kind: 'start', fromEntry: 1000n }));
      expect(hex(await peer.take(refusal.length))).toBe(hex(refusal));
    }
    peer.send(command({ kind: 'start', fromEntry: 3n }));
    expect(hex(await peer.take(OK.length))).toBe(hex(OK));
    await expectStop(peer);
  });

  it('a hundred idle sockets locked everyone out', async () => {
    const server = await serve(await goldenStream(), { limits: { firstCommandMs: 300, clientsMax: 120 } });
    const idle = await Promise.all(Array.from({ length: 120 }, () => Peer.connect(server.clientAddress)));
    await Promise.all(idle.map((peer) => peer.rest()));
    for (const peer of idle) peer.socket.destroy();
    await expect.poll(() => server.clientCount).toBe(0);
    await start(server, 3n);
  });

  it('the bytes of a bookmark that was too long were taken for commands', async () => {
    const server = await serve(await goldenStream());
    const peer = await Peer.connect(server.clientAddress);
    const tooLong = Buffer.alloc(20 + 32);
    tooLong.set(command({ kind: 'bookmark', bookmark: Uint8Array.of(1) }).subarray(0, 16));
    tooLong.writeUInt32BE(32, 16);
    tooLong.set(header, 20);
    tooLong.set(header, 36);
    peer.send(tooLong);
    expect(packetsIn(await peer.rest())).toEqual([result(ResultCode.invalidCommand)]);
  });

  it('a stream that was quiet but healthy was killed', async () => {
    const limits = { firstCommandMs: 200, commandMs: 200, idleMs: 200, stallMs: 200 };
    const file = await goldenStream();
    const server = await serve(file, { limits });
    const peer = await start(server, 3n);
    await sleep(2_500);
    await commit(file, one);
    expect(hex(await peer.take(20))).toBe(hex(bytesOf(numbered(3n, one))));
  });

  it('Stop during a catch-up was read when all of the backlog had been sent', async () => {
    const file = await emptyStream();
    await fill(file, 48);
    const server = await serve(file);
    const peer = await start(server, 0n);
    peer.socket.pause();
    await sleep(50);
    peer.send(command({ kind: 'stop' }));
    await sleep(50);
    peer.socket.end();
    peer.socket.resume();
    expect(packetsIn(await peer.rest()).at(-1)).toEqual(result(ResultCode.ok));
    expect(peer.totalBytes).toBeLessThan(24 * MIB);
  });

  it('clients were sent what was rolled back, or not committed yet', async () => {
    const file = await emptyStream({ pageBytes: 4096 });
    const server = await serve(file);
    const peer = await start(server, 0n);
    const large = Array.from({ length: 100 }, () => ({ type: 1, data: Buffer.alloc(1000) }));
    for (let round = 0; round < 3; round++) {
      file.startAtomicOp();
      add(file, large);
      await settled(server);
      file.rollbackAtomicOp();
    }
    await commit(file, one);
    expect(hex(await peer.take(20))).toBe(hex(bytesOf(numbered(0n, one))));
    await expectStop(peer);
  });

  it('an entry larger than a page spoiled the file for every later lookup', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    const source = await TestSource.open(server);
    source.send(startAny);
    const tooLarge = Uint8Array.from(encodeSourceMessage(entry(1, Uint8Array.of(1)), 1n));
    tooLarge.set([0, 0x10, 0, 0], 20);
    source.peer.send(tooLarge);
    expect(await source.lastAnswer()).toMatchObject({ code: ResultCode.entryTooLarge });
    const next = await TestSource.open(server, 2n);
    next.send(startAny, entry(1, Buffer.alloc(MIB - 17)), commitMessage);
    expect(await next.answer()).toMatchObject({ code: 0, header: { totalEntries: 4n } });
    for (const number of [0n, 1n, 2n, 3n]) expect(await file.getEntry(number)).toMatchObject({ number });
  });

  it('clients were sent what had been cut off', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    await file.truncateFile(1n);
    const peer = await start(server, 0n);
    expect(hex(await peer.take(26))).toBe(hex(bytesOf(goldenEntries.slice(0, 1))));
    await settled(server);
    expect(peer.receivedBytes).toBe(0);
    await commit(file, one);
    expect(hex(await peer.take(20))).toBe(hex(bytesOf(numbered(1n, one))));
  });

  it('a file that was exactly full stuck its readers', async () => {
    const pageBytes = 4096;
    const file = await emptyStream({ pageBytes });
    const server = await serve(file);
    const live = await start(server, 0n);
    // As many pages as a file begins with, each filled to its last byte.
    const pages = Array.from({ length: 100 }, () => ({ type: 1, data: Buffer.alloc(pageBytes - 17, 7) }));
    await commit(file, pages);
    const late = await start(server, 0n);
    await commit(file, one);
    for (const peer of [live, late]) {
      const bytes = await peer.take(pages.length * pageBytes + 20);
      expect(hex(bytes.subarray(-20))).toBe(hex(bytesOf(numbered(100n, one))));
      await expectStop(peer);
    }
  });

  it('a commit was acknowledged, and sent to clients, without having been synced', async () => {
    const disk = new TestDisk();
    const server = await serve(await emptyStream({ disk, durability: 'always' }));
    const source = await TestSource.open(server);
    const follower = await start(server, 0n);
    disk.hold();
    source.send(startAny, entry(1, Uint8Array.of(1, 2, 3)), commitMessage);
    await settled(server);
    expect([source.peer.receivedBytes, follower.receivedBytes]).toEqual([0, 0]);
    disk.release();
    expect(await source.answer()).toMatchObject({ code: 0, header: { totalEntries: 1n } });
    await follower.take(20);
  });

  it.each(['ENOSPC', 'EIO'])('a write that failed was swallowed (%s)', async (failure) => {
    const disk = new TestDisk();
    const server = await serve(await emptyStream({ disk }));
    const source = await TestSource.open(server);
    const follower = await start(server, 0n);
    disk.failure = failure;
    source.send(startAny, entry(1, Uint8Array.of(1)), commitMessage);
    const code = failure === 'ENOSPC' ? ResultCode.diskFull : ResultCode.storageFailed;
    expect(await source.answer()).toMatchObject({ code });
    await settled(server);
    expect(follower.receivedBytes).toBe(0);
    expect(server.getHeader().totalEntries).toBe(0n);
    disk.failure = undefined;
  });

  it('bookmarks of what was not committed, rolled back or cut off were found', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    const key = Uint8Array.of(9, 9);
    const peer = await Peer.connect(server.clientAddress);
    const notFound = Buffer.concat([OK, encodeNotFound()]);
    const refusal = encodeResult(result(ResultCode.badFromBookmark));
    const expectUnknown = async (): Promise<void> => {
      peer.send(
        command({ kind: 'bookmark', bookmark: key }),
        command({ kind: 'startBookmark', bookmark: key }),
      );
      expect(hex(await peer.take(notFound.length + refusal.length))).toBe(
        hex(Buffer.concat([notFound, refusal])),
      );
    };
    file.startAtomicOp();
    add(file, [{ type: 0xb0, data: key }, ...one]);
    await expectUnknown();
    file.rollbackAtomicOp();
    await expectUnknown();
    await commit(file, [{ type: 0xb0, data: key }, ...one]);
    await file.truncateFile(3n);
    await expectUnknown();
  });

  it('one huge operation exhausted the memory', async () => {
    const server = await serve(await emptyStream({ cachePages: 4 }));
    const source = await TestSource.open(server);
    const large = encodeSourceMessage(entry(1, Buffer.alloc(MIB - 17, 1)), 1n);
    const before = await liveBytes();
    source.send(startAny);
    for (let sent = 0; sent < 64; sent++) await source.peer.sendApart([large]);
    expect((await liveBytes()) - before).toBeLessThan(32 * MIB);
    source.send(commitMessage);
    expect(await source.answer()).toMatchObject({ code: 0, header: { totalEntries: 64n } });
  });
});
