// Goal: a streaming client gets every committed entry from its start on, exactly once, in order, byte for byte, and
// nothing else, whatever the writer and the other clients do meanwhile.
import { describe, expect, it } from 'vitest';
import { encodeResult, result, ResultCode } from '@ds/codec';

import { effort, Random, seed } from '@ds/test-kit';
import type { ServerObserver } from '../src/index.js';
import { command, expectStop, fill, MIB, OK, settled, start } from './support/client.js';
import { hex, liveBytes, packetsIn, Peer, sleep } from './support/peer.js';
import { add, bytesOf, commit, emptyStream, goldenStream, numbered, serve } from './support/stream.js';

describe(`Clients that start at random times, from random places, during commits (seed ${seed})`, () => {
  const shapes = {
    'small pages, few of them in memory': {
      options: { pageBytes: 4096, cachePages: 3 },
      largest: 900,
      operations: 400,
    },
    'operations of up to 4 MiB': { options: { cachePages: 4 }, largest: 500_000, operations: 40 },
  };

  it.each(Object.entries(shapes))('get every entry once, in order: %s', async (_name, shape) => {
    const random = new Random();
    const file = await emptyStream(shape.options);
    const server = await serve(file, { limits: { sendBytesMax: 64 << 10 } });
    const stream: Uint8Array[] = [];
    const bookmarks: { key: Uint8Array; entry: number }[] = [];
    const followers: Promise<{ peer: Peer; from: number }>[] = [];

    const follow = async (): Promise<{ peer: Peer; from: number }> => {
      const bookmark = random.chance(0.3) && bookmarks.length > 0 ? random.pick(bookmarks) : undefined;
      const from = bookmark?.entry ?? random.integer(0, Number(file.header.totalEntries));
      return { peer: await start(server, bookmark?.key ?? BigInt(from)), from };
    };
    for (let operation = 0; operation < shape.operations * effort; operation++) {
      const count = random.integer(0, 12);
      const entries = numbered(
        file.nextEntry,
        Array.from({ length: count }, () => {
          if (random.chance(0.1)) return { type: 0xb0, data: random.bytes(16) };
          const length = random.chance(0.1) ? random.integer(0, shape.largest) : random.integer(0, 60);
          return { type: random.integer(1, 5), data: Buffer.alloc(length, operation + 1) };
        }),
      );
      file.startAtomicOp();
      add(file, entries);
      if (random.chance(0.1)) {
        file.rollbackAtomicOp();
      } else {
        const committed = file.commitAtomicOp();
        if (random.chance(0.8)) await committed;
        await committed.then(() => {
          stream.push(...entries.map((entry) => bytesOf([entry])));
          for (const { type, number, data } of entries)
            if (type === 0xb0) bookmarks.push({ key: data, entry: Number(number) });
        });
      }
      for (let more = random.integer(-3, 1); more > 0; more--) followers.push(follow());
      if (random.chance(0.3)) await new Promise(setImmediate);
    }

    expect(followers.length).toBeGreaterThan(5);
    for (const { peer, from } of await Promise.all(followers)) {
      const expected = Buffer.concat(stream.slice(from));
      const given = await peer.take(expected.length);
      expect(expected.equals(given), `a client that started at entry ${from}`).toBe(true);
      await expectStop(peer);
    }
  });
});

describe('A client at the end of the stream', () => {
  const operation = [
    { type: 1, data: Uint8Array.of(9, 9) },
    { type: 2, data: Buffer.alloc(100) },
  ];

  it('gets an operation that was open when it started, once it is committed and not before', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    file.startAtomicOp();
    add(file, operation);
    const peer = await start(server, 3n);
    await settled(server);
    expect(peer.receivedBytes).toBe(0);
    await file.commitAtomicOp();
    const expected = bytesOf(numbered(3n, operation));
    expect(hex(await peer.take(expected.length))).toBe(hex(expected));
    await expectStop(peer);
  });

  it('gets nothing of an operation that is rolled back', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    const peer = await start(server, 3n);
    file.startAtomicOp();
    add(file, operation);
    await settled(server);
    file.rollbackAtomicOp();
    await settled(server);
    expect(peer.receivedBytes).toBe(0);
    await commit(file, operation.slice(1));
    const expected = bytesOf(numbered(3n, operation.slice(1)));
    expect(hex(await peer.take(expected.length))).toBe(hex(expected));
    await expectStop(peer);
  });

  it('gets nothing of an operation that is so large that it stands in the file before its commit', async () => {
    const file = await emptyStream({ pageBytes: 4096 });
    const server = await serve(file);
    const [first, second] = [await start(server, 0n), await start(server, 0n)];
    const large = Array.from({ length: 200 }, () => ({ type: 1, data: Buffer.alloc(1000, 7) }));
    file.startAtomicOp();
    add(file, large);
    await settled(server);
    expect(first.receivedBytes).toBe(0);
    file.rollbackAtomicOp();
    await settled(server);
    expect(first.receivedBytes).toBe(0);
    await commit(file, large);
    const expected = Buffer.from(bytesOf(numbered(0n, large)));
    for (const peer of [first, second]) expect(expected.equals(await peer.take(expected.length))).toBe(true);
  });

  it('is sent nothing for an operation without entries', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    const peer = await start(server, 3n);
    await commit(file, []);
    await settled(server);
    await expectStop(peer);
  });
});

describe('A client that takes its time', () => {
  it('stops a catch-up long before all of it was sent, and can ask on', async () => {
    const file = await emptyStream();
    await fill(file, 64);
    const server = await serve(file);
    const peer = await start(server, 0n);
    peer.socket.pause();
    await sleep(100);
    peer.send(command({ kind: 'stop' }), command({ kind: 'header' }));
    await sleep(50);
    peer.socket.resume();
    peer.socket.end();
    const packets = packetsIn(await peer.rest());
    expect(packets.slice(-3).map(({ kind }) => kind)).toEqual(['result', 'result', 'header']);
    expect(peer.totalBytes).toBeLessThan(32 * MIB);
  });

  it('gets all of the stream, without a gap, in the end', async () => {
    const file = await emptyStream();
    const entries = await fill(file, 24);
    const server = await serve(file);
    const peer = await start(server, 0n);
    peer.socket.pause();
    await sleep(50);
    const late = numbered(file.nextEntry, [{ type: 3, data: Uint8Array.of(1) }]);
    await commit(file, late);
    peer.socket.resume();
    const expected = Buffer.from(bytesOf([...entries, ...late]));
    expect(expected.equals(await peer.take(expected.length))).toBe(true);
  });

  it('delays neither commits nor other clients, however many of its kind there are', async () => {
    const file = await emptyStream();
    const entries = await fill(file, 16);
    const server = await serve(file);
    for (let stalled = 0; stalled < 20; stalled++) (await start(server, 0n)).socket.pause();
    await sleep(50);
    const other = await start(server, file.nextEntry);
    const late = Array.from({ length: 50 }, (_none, at) => ({ type: 3, data: Uint8Array.of(at) }));
    const begunMs = performance.now();
    for (const entry of late) await commit(file, [entry]);
    const expected = bytesOf(numbered(BigInt(entries.length), late));
    expect(hex(await other.take(expected.length))).toBe(hex(expected));
    expect(performance.now() - begunMs).toBeLessThan(2_000);
  });

  it('costs no more memory than its limit, while it sends commands that it may not send', async () => {
    const file = await emptyStream();
    await fill(file, 16);
    const server = await serve(file, { limits: { sendBytesMax: 64 << 10 } });
    const peer = await start(server, 0n);
    peer.socket.pause();
    await sleep(50);
    const before = await liveBytes();
    for (let sent = 0; sent < 64; sent++) peer.send(Buffer.alloc(MIB / 2));
    await expect.poll(() => peer.socket.writableLength, { timeout: 10_000 }).toBe(0);
    await expect.poll(async () => (await liveBytes()) - before, { timeout: 5_000 }).toBeLessThan(10 * MIB);
    peer.socket.resume();
    const packets = packetsIn(await peer.rest());
    expect(packets.at(-1)).toEqual(result(ResultCode.invalidCommand));
  });
});

describe('A client that has ended its side of the connection', () => {
  it('is still answered', async () => {
    const server = await serve(await goldenStream());
    const peer = await Peer.connect(server.clientAddress);
    peer.send(command({ kind: 'header' }), command({ kind: 'entry', entryNumber: 1n }));
    peer.socket.end();
    expect(packetsIn(await peer.rest()).map(({ kind }) => kind)).toEqual([
      'result',
      'header',
      'result',
      'answer',
    ]);
  });

  it('is still sent the stream as far as it goes', async () => {
    const file = await emptyStream();
    const entries = await fill(file, 8);
    const server = await serve(file);
    const peer = await Peer.connect(server.clientAddress);
    peer.send(command({ kind: 'start', fromEntry: 0n }));
    peer.socket.end();
    const expected = Buffer.concat([OK, bytesOf(entries)]);
    expect(expected.equals(await peer.rest())).toBe(true);
  });

  it('makes room, also when it was waiting for entries', async () => {
    const server = await serve(await goldenStream());
    const peer = await start(server, 3n);
    peer.socket.end();
    await peer.rest();
    await expect.poll(() => server.clientCount).toBe(0);
  });
});

describe('A client that is gone in the middle of a catch-up', () => {
  it.each([
    ['reset by its side', (peer: Peer) => peer.socket.resetAndDestroy()],
    ['closed by its side', (peer: Peer) => peer.socket.destroy()],
  ])('costs nothing any more: %s', async (_how, leave) => {
    const file = await emptyStream();
    await fill(file, 32);
    let sent = 0;
    const nothing = (): void => undefined;
    const observer: ServerObserver = {
      accepted: nothing,
      refused: nothing,
      disconnected: nothing,
      rejected: nothing,
      sent: (bytes) => (sent += bytes),
    };
    const server = await serve(file, { observer });
    const peer = await start(server, 0n);
    peer.socket.pause();
    await sleep(50);
    leave(peer);
    await expect.poll(() => server.clientCount).toBe(0);
    await settled(server);
    const most = sent;
    // What the kernel took, and nothing of the rest.
    expect(most).toBeLessThan(24 * MIB);
    await commit(file, [{ type: 1, data: Buffer.alloc(MIB / 2) }]);
    await settled(server);
    expect(sent).toBe(most);
  });
});

describe('A stream that is cut', () => {
  it('loses those that were sent something beyond the cut, and nobody else', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    const beyond = await start(server, 1n);
    await beyond.take(22 + 17);
    const atEnd = await start(server, 3n);
    const stopped = await Peer.connect(server.clientAddress);
    await file.truncateFile(2n);
    expect(hex(await beyond.rest())).toBe('');
    await atEnd.rest();
    stopped.send(command({ kind: 'start', fromEntry: 3n }));
    const refusal = encodeResult(result(ResultCode.badFromEntry));
    expect(hex(await stopped.take(refusal.length))).toBe(hex(refusal));
    stopped.send(command({ kind: 'start', fromEntry: 2n }));
    await stopped.take(OK.length);
    await commit(file, [{ type: 7, data: Uint8Array.of(1) }]);
    const again = bytesOf([{ type: 7, number: 2n, data: Uint8Array.of(1) }]);
    expect(hex(await stopped.take(again.length))).toBe(hex(again));
  });

  it('goes on for a client that has not come to the cut yet', async () => {
    const file = await emptyStream();
    const entries = await fill(file, 32);
    const server = await serve(file);
    const peer = await start(server, 0n);
    peer.socket.pause();
    await sleep(50);
    await file.truncateFile(60n);
    const instead = numbered(60n, [{ type: 2, data: Uint8Array.of(1) }]);
    await commit(file, instead);
    peer.socket.resume();
    const expected = Buffer.from(bytesOf([...entries.slice(0, 60), ...instead]));
    expect(expected.equals(await peer.take(expected.length))).toBe(true);
    await expectStop(peer);
  });

  it('tells a client of entries that are there no more: error 3', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    const peer = await start(server, 0n);
    await file.truncateFile(1n);
    await peer.rest();
    const again = await Peer.connect(server.clientAddress);
    again.send(command({ kind: 'start', fromEntry: 3n }));
    const refusal = encodeResult(result(ResultCode.badFromEntry));
    expect(hex(await again.take(refusal.length))).toBe(hex(refusal));
    again.send(command({ kind: 'header' }));
    const [, header] = packetsIn(await again.take(OK.length + 38));
    expect(header).toMatchObject({ header: { totalEntries: 1n } });
  });
});

describe('An entry that is updated', () => {
  it('is seen as it is now by everybody who reads it later', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    const early = await start(server, 1n);
    expect(hex(await early.take(22 + 17))).toContain('0102030405');
    await file.updateEntryData(1n, 1, Uint8Array.of(5, 4, 3, 2, 1));
    const late = await start(server, 1n);
    expect(hex(await late.take(22 + 17))).toContain('0504030201');
    const query = await Peer.connect(server.clientAddress);
    query.send(command({ kind: 'entry', entryNumber: 1n }));
    expect(hex(await query.take(OK.length + 22))).toContain('0504030201');
    await expectStop(early);
  });
});

describe(`Bytes that are no commands (seed ${seed})`, () => {
  it('end the connection with error 9 and do no other harm', async () => {
    const random = new Random();
    const server = await serve(await goldenStream());
    const follower = await start(server, 3n);
    const refusal = hex(encodeResult(result(ResultCode.invalidCommand)));
    for (const length of [16, 17, 20, 36, 37, 1000, 100_000]) {
      const peer = await Peer.connect(server.clientAddress);
      peer.send(random.bytes(length));
      expect(hex(await peer.rest())).toBe(refusal);
    }
    await expectStop(follower);
  });

  it('that stop short of a command are not answered', async () => {
    const server = await serve(await goldenStream());
    const peer = await Peer.connect(server.clientAddress);
    peer.send(new Random().bytes(15));
    peer.socket.end();
    expect(hex(await peer.rest())).toBe('');
  });
});
