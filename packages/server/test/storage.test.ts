// Goal: a disk that is slow holds sources back and nobody else; one that is full or broken is told to those whose
// operations it hits; and an operation's size is no matter of memory.
import { describe, expect, it } from 'vitest';
import { encodeSourceMessage, ResultCode } from '@ds/codec';

import { command, MIB, start } from './support/client.js';
import { TestDisk } from './support/disk.js';
import { liveBytes, sleep } from './support/peer.js';
import { commit, entry, header, openSource, startAny, TestSource } from './support/source.js';
import { emptyStream, serve } from './support/stream.js';

const data = Uint8Array.of(1, 2, 3);

describe('A slow disk', () => {
  it('holds a source back that sends 100 MB, instead of keeping them in memory', async () => {
    const disk = new TestDisk();
    const file = await emptyStream({ disk, windowBytes: MIB, durability: 'always' });
    const source = await TestSource.open(await serve(file));
    const operation = Buffer.concat(
      [startAny, entry(1, Buffer.alloc(100_000, 1)), commit].map((message) =>
        encodeSourceMessage(message, 1n),
      ),
    );
    const before = await liveBytes();
    disk.hold();
    for (let sent = 0; sent < 1_000; sent++) source.peer.socket.write(operation);
    await sleep(500);
    const accepted = 1_000 * operation.length - source.peer.socket.writableLength;
    expect(accepted).toBeLessThan(30 * MIB);
    expect((await liveBytes()) - before).toBeLessThan(10 * MIB);
    disk.release();
    for (let taken = 0; taken < 1_000; taken++) expect((await source.answer()).code).toBe(0);
    expect(file.header.totalEntries).toBe(1_000n);
  });

  it('delays acknowledgements, and the stream, until the commit is done', async () => {
    const disk = new TestDisk();
    const file = await emptyStream({ disk, durability: 'always' });
    const server = await serve(file);
    const source = await TestSource.open(server);
    const follower = await start(server, 0n);
    disk.hold();
    source.send(startAny, entry(1, data), commit);
    await sleep(50);
    expect(source.peer.receivedBytes).toBe(0);
    expect(follower.receivedBytes).toBe(0);
    follower.send(command({ kind: 'stop' }), command({ kind: 'header' }));
    expect((await follower.take(11 + 11 + 38)).at(-1)).toBe(0);
    disk.release();
    expect(await source.answer()).toMatchObject({ code: 0, header: { totalEntries: 1n } });
  });

  it('lets a source that was superseded start nothing more', async () => {
    const disk = new TestDisk();
    const file = await emptyStream({ disk, windowBytes: 1, durability: 'always' });
    const server = await serve(file);
    const old = await TestSource.open(server, 1n);
    disk.hold();
    old.send(startAny, entry(1, data), commit, startAny, entry(2, data));
    await sleep(20);
    const next = await TestSource.connect(server);
    next.send(openSource({ epoch: 2n }));
    await sleep(20);
    disk.release();
    expect(await next.answer()).toMatchObject({ code: 0, header: { totalEntries: 1n } });
    next.send(startAny, entry(3, data), commit);
    expect(await next.answer()).toMatchObject({ code: 0, header: { totalEntries: 2n } });
    expect(await file.getEntry(1n)).toMatchObject({ type: 3 });
    expect(await old.answer()).toMatchObject({ code: 0, header: { totalEntries: 1n } });
    expect(await old.lastAnswer()).toMatchObject({ code: ResultCode.epochFenced });
  });
});

describe('A full disk', () => {
  it('refuses the operation, and takes the next one when there is room', async () => {
    const disk = new TestDisk();
    const file = await emptyStream({ disk });
    const source = await TestSource.open(await serve(file));
    disk.failure = 'ENOSPC';
    source.send(startAny, entry(1, data), commit);
    expect(await source.answer()).toMatchObject({ code: ResultCode.diskFull });
    disk.failure = undefined;
    source.send(startAny, entry(2, data), commit);
    expect(await source.answer()).toMatchObject({ code: 0, header: { totalEntries: 1n } });
    expect(await file.getEntry(0n)).toMatchObject({ type: 2 });
  });
});

describe('A broken disk', () => {
  it('ends writing, and not reading', async () => {
    const disk = new TestDisk();
    const file = await emptyStream({ disk });
    const server = await serve(file);
    const source = await TestSource.open(server);
    source.send(startAny, entry(1, data), commit);
    expect((await source.answer()).code).toBe(0);
    disk.failure = 'EIO';
    source.send(startAny, entry(1, data), commit);
    expect(await source.answer()).toMatchObject({ code: ResultCode.storageFailed });
    disk.failure = undefined;
    source.send(startAny, entry(1, data), commit);
    expect(await source.lastAnswer()).toMatchObject({ code: ResultCode.storageFailed });
    const follower = await start(server, 0n);
    expect(await follower.take(20)).toHaveLength(20);
  });
});

describe('A huge operation', () => {
  it('takes a few MiB of memory, however large it is, on its way in and out', async () => {
    const file = await emptyStream({ cachePages: 4 });
    const server = await serve(file);
    const source = await TestSource.open(server);
    const large = encodeSourceMessage(entry(1, Buffer.alloc(MIB - 17, 1)), 1n);
    const before = await liveBytes();
    let most = 0;
    source.send(startAny);
    for (let sent = 0; sent < 128; sent++) {
      await source.peer.sendApart([large]);
      if (sent % 32 === 31) most = Math.max(most, (await liveBytes()) - before);
    }
    source.send(commit, header);
    expect(await source.answer()).toMatchObject({ code: 0, header: { totalEntries: 128n } });
    expect(most).toBeLessThan(32 * MIB);

    const follower = await start(server, 0n);
    for (let taken = 0; taken < 128; taken += 8) {
      follower.socket.resume();
      await follower.take(8 * MIB);
      follower.socket.pause();
      // What this test has received and not taken is not the server's.
      most = Math.max(most, (await liveBytes()) - before - follower.receivedBytes);
    }
    expect(most).toBeLessThan(64 * MIB);
  });
});
