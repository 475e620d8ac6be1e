// Goal: a program that embeds the server feeds it and reads it with the protocol's own calls, alone or beside a source.
import { describe, expect, it } from 'vitest';
import { EntryBatch, ResultCode } from '@ds/codec';

import { goldenEntries, goldenHeader } from '../../codec/test/golden.js';
import { StreamServer } from '../src/index.js';
import { expectStop, start } from './support/client.js';
import { hex } from './support/peer.js';
import { header, openSource, startAny, TestSource } from './support/source.js';
import { bytesOf, emptyStream, goldenStream, serve } from './support/stream.js';

const [bookmarkEntry, fullEntry, emptyEntry] = goldenEntries as [
  (typeof goldenEntries)[number],
  (typeof goldenEntries)[number],
  (typeof goldenEntries)[number],
];

describe('The calls of a server', () => {
  it('write an operation that clients then get', async () => {
    const server = await serve(await emptyStream());
    const client = await start(server, 0n);
    await server.startAtomicOp();
    expect(server.addStreamBookmark(bookmarkEntry.data)).toBe(0n);
    expect(server.addStreamEntry(fullEntry.type, fullEntry.data)).toBe(1n);
    expect(server.addStreamEntry(emptyEntry.type, emptyEntry.data)).toBe(2n);
    expect(await server.commitAtomicOp()).toEqual({ firstEntry: 0n, nextEntry: 3n });
    expect(server.getHeader()).toEqual(goldenHeader);
    const expected = bytesOf(goldenEntries);
    expect(hex(await client.take(expected.length))).toBe(hex(expected));
  });

  it('copy entries of another stream byte for byte', async () => {
    const server = await serve(await emptyStream());
    await server.startAtomicOp();
    server.addStreamBatch(new EntryBatch(bytesOf(goldenEntries), 0n, 3));
    await server.commitAtomicOp();
    expect(server.getHeader()).toEqual(goldenHeader);
    expect(server.getBookmark(bookmarkEntry.data)).toBe(0n);
  });

  it('read entries, bookmarks, and the data between two of them', async () => {
    const server = await serve(await goldenStream());
    const second = Uint8Array.of(8);
    await server.startAtomicOp();
    server.addStreamBookmark(second);
    await server.commitAtomicOp();
    expect(await server.getEntry(1n)).toEqual(fullEntry);
    expect(await server.getEntry(4n)).toBeUndefined();
    expect(server.getBookmark(second)).toBe(3n);
    expect(server.getBookmark(Uint8Array.of(9))).toBeUndefined();
    expect(await server.getFirstEventAfterBookmark(bookmarkEntry.data)).toEqual(fullEntry);
    expect(await server.getFirstEventAfterBookmark(second)).toBeUndefined();
    expect(hex(await server.getDataBetweenBookmarks(bookmarkEntry.data, second))).toBe('0102030405');
  });

  it('roll back, cut and update', async () => {
    const server = await serve(await goldenStream());
    await server.startAtomicOp();
    server.addStreamEntry(1, Uint8Array.of(1));
    server.rollbackAtomicOp();
    expect(server.getHeader()).toEqual(goldenHeader);
    await server.updateEntryData(1n, 1, Uint8Array.of(5, 4, 3, 2, 1));
    expect(await server.getEntry(1n)).toEqual({ ...fullEntry, data: Uint8Array.of(5, 4, 3, 2, 1) });
    await server.truncateFile(1n);
    expect(server.getHeader().totalEntries).toBe(1n);
  });

  it('refuse what makes no sense, with the code of the stream file', async () => {
    const server = await serve(await goldenStream());
    expect(() => server.addStreamEntry(1, Uint8Array.of(1))).toThrow(
      expect.objectContaining({ code: 'no-operation' }),
    );
    await server.startAtomicOp();
    await expect(server.startAtomicOp()).rejects.toMatchObject({ code: 'operation-open' });
    await expect(server.truncateFile(0n)).rejects.toMatchObject({ code: 'operation-open' });
    expect(() => server.addStreamEntry(0xb0, Uint8Array.of(1))).toThrow(
      expect.objectContaining({ code: 'bad-entry' }),
    );
    expect(() => server.addStreamBookmark(new Uint8Array(17))).toThrow(
      expect.objectContaining({ code: 'bad-bookmark' }),
    );
  });
});

describe('A program that feeds its server while a source is connected', () => {
  it('cannot open an operation during one of the source, and can afterwards', async () => {
    const server = await serve(await goldenStream());
    const source = await TestSource.open(server);
    source.send(startAny, header);
    await source.answer();
    await expect(server.startAtomicOp()).rejects.toMatchObject({ code: 'operation-open' });
    source.peer.socket.end();
    await source.peer.rest();
    await expect.poll(() => server.file.operationOpen).toBe(false);
    await server.startAtomicOp();
    server.addStreamEntry(1, Uint8Array.of(1));
    await server.commitAtomicOp();
    expect(server.getHeader().totalEntries).toBe(4n);
  });

  it('keeps the source out of its own operation', async () => {
    const server = await serve(await goldenStream());
    const source = await TestSource.open(server);
    await server.startAtomicOp();
    server.addStreamEntry(1, Uint8Array.of(1));
    source.send(startAny);
    expect(await source.lastAnswer()).toMatchObject({ code: ResultCode.operationOpen });
    const late = await TestSource.connect(server);
    late.send(openSource({ epoch: 2n }));
    expect(await late.lastAnswer()).toMatchObject({ code: ResultCode.operationOpen });
    expect(await server.commitAtomicOp()).toEqual({ firstEntry: 3n, nextEntry: 4n });
    await TestSource.open(server, 2n);
  });
});

describe('A server without a port for sources', () => {
  it('is fed by its program alone', async () => {
    await using server = await StreamServer.start({
      file: await goldenStream(),
      clients: { host: '127.0.0.1', port: 0 },
    });
    expect(server.sourceAddress).toBeUndefined();
    await expectStop(await start(server, 3n));
  });
});
