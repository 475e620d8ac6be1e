// Goal: every message of the server-source protocol over a real connection: what is answered, in which order, what
// stands in the stream afterwards, and what becomes of the connection.
import { describe, expect, it } from 'vitest';
import { encodeSourceMessage, ResultCode, type Entry, type SourceMessage } from '@ds/codec';
import type { StreamFile } from '@ds/stream-file';

import { effort, Random, seed } from '@ds/test-kit';
import { goldenEntries, goldenSourceSession } from '../../codec/test/golden.js';
import { hex, Peer } from './support/peer.js';
import { commit, entry, header, openSource, rollback, startAny, TestSource } from './support/source.js';
import { emptyStream, goldenStream, numbered, serve, sourceAddress } from './support/stream.js';

const data = Uint8Array.of(1, 2, 3);

async function entriesOf(file: StreamFile): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let number = 0n; number < file.header.totalEntries; number++)
    entries.push((await file.getEntry(number))!);
  return entries;
}

function plain({ type, number, data }: Entry): unknown {
  return { type, number, data: hex(data) };
}

describe('The golden session of a source', () => {
  it('is answered byte for byte, message by message', async () => {
    const file = await emptyStream();
    const peer = await Peer.connect(sourceAddress(await serve(file)));
    for (const { request, answer } of goldenSourceSession) {
      peer.send(request);
      expect(hex(await peer.take(answer.length))).toBe(hex(answer));
    }
    expect((await entriesOf(file)).map(plain)).toEqual(goldenEntries.map(plain));
  });

  it.each([
    ['in one segment', Number.MAX_SAFE_INTEGER],
    ['byte by byte', 1],
  ])('is answered byte for byte when it comes %s', async (_way, longest) => {
    const file = await emptyStream();
    const peer = await Peer.connect(sourceAddress(await serve(file)));
    const requests = Buffer.concat(goldenSourceSession.map(({ request }) => request));
    for (let at = 0; at < requests.length; at += longest)
      await peer.sendApart([requests.subarray(at, Math.min(requests.length, at + longest))]);
    peer.socket.end();
    const expected = goldenSourceSession.map(({ answer }) => hex(answer)).join('');
    expect(hex(await peer.rest())).toBe(expected);
    expect((await entriesOf(file)).map(plain)).toEqual(goldenEntries.map(plain));
  });
});

describe('OpenSource', () => {
  const token = Buffer.from('sesame');

  it.each([
    ['another protocol version', openSource({ protocolVersion: 2n, token }), ResultCode.protocolVersion, '1'],
    ['another system id', openSource({ systemId: 138n, token }), ResultCode.wrongSystemId, '137'],
    ['a wrong token', openSource({ token: Buffer.from('sesamE') }), ResultCode.unauthorized, 'Unauthorized'],
    ['no token', openSource(), ResultCode.unauthorized, 'Unauthorized'],
    ['no OpenSource at all', header, ResultCode.notOpen, 'Source not open'],
  ])('with %s is refused, and the connection closed', async (_name, message, code, text) => {
    const file = await goldenStream();
    const server = await serve(file, { source: { host: '127.0.0.1', port: 0, token } });
    const source = await TestSource.connect(server);
    source.send(message);
    const refusal = await source.lastAnswer();
    expect(refusal.code).toBe(code);
    expect(refusal.text).toContain(text);
    const right = await TestSource.connect(server);
    right.send(openSource({ token }));
    expect(await right.answer()).toMatchObject({ code: 0, header: { totalEntries: 3n } });
  });

  it('for another stream type is refused, and the connection closed', async () => {
    const source = await TestSource.connect(await serve(await goldenStream()));
    source.peer.send(encodeSourceMessage(openSource(), 2n));
    expect(await source.lastAnswer()).toMatchObject({ code: ResultCode.invalidCommand });
  });

  it('a second time is refused, and the connection closed', async () => {
    const source = await TestSource.open(await serve(await goldenStream()));
    source.send(openSource());
    expect(await source.lastAnswer()).toMatchObject({ code: ResultCode.invalidCommand });
  });
});

describe('Operations', () => {
  it('that say how long the stream is say no less than the commits before them, however all of these are sent', async () => {
    const file = await emptyStream({ durability: 'always' });
    const source = await TestSource.open(await serve(file));
    source.send(startAny, entry(1, data), commit, header, startAny, entry(1, data), rollback);
    for (const kind of ['commit', 'header', 'rollback'])
      expect((await source.answer()).header, kind).toMatchObject({ totalEntries: 1n });
  });

  it('can be pipelined without waiting; each commit is acknowledged with the size it has led to', async () => {
    const file = await emptyStream({ durability: 'always' });
    const source = await TestSource.open(await serve(file));
    const operation = [
      startAny,
      { kind: 'addStreamBookmark', bookmark: data } as const,
      entry(1, data),
      commit,
    ];
    for (let sent = 0; sent < 200; sent++) source.send(...operation);
    let before = 0n;
    for (let taken = 1n; taken <= 200n; taken++) {
      const { code, header } = await source.answer();
      expect(code).toBe(0);
      const entries = header?.totalEntries ?? 0n;
      // Commits that were synced together are acknowledged with what all of them have led to.
      expect(entries).toBeGreaterThanOrEqual(2n * taken);
      expect(entries).toBeGreaterThanOrEqual(before);
      before = entries;
    }
    expect(before).toBe(400n);
    expect(file.getBookmark(data)).toBe(398n);
  });

  it.each([
    ['that is rolled back leaves nothing', [startAny, entry(1, data), rollback]],
    ['without entries changes nothing', [startAny, commit]],
  ])('%s, and is acknowledged', async (_name, messages) => {
    const source = await TestSource.open(await serve(await goldenStream()));
    source.send(...messages);
    expect(await source.answer()).toMatchObject({
      code: 0,
      header: { totalEntries: 3n, totalLength: 4161n },
    });
    source.send({ kind: 'startAtomicOp', expectedEntry: 3n }, entry(9, data), commit);
    expect(await source.answer()).toMatchObject({ code: 0, header: { totalEntries: 4n } });
  });

  it('that expect another entry are told which one is next, and end the connection', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    const source = await TestSource.open(server);
    const wrong: SourceMessage = { kind: 'startAtomicOp', expectedEntry: 2n };
    source.send(startAny, entry(1, data), commit, wrong, entry(1, data), commit, header);
    expect(await source.answer()).toMatchObject({ code: 0, header: { totalEntries: 4n } });
    const refusal = await source.lastAnswer();
    expect(refusal.code).toBe(ResultCode.expectedEntry);
    expect(refusal.text).toMatch(/\b4$/);
    expect(file.header.totalEntries).toBe(4n);
    await TestSource.open(server);
    expect(file.operationOpen).toBe(false);
  });

  it('know what is next when commits before them are still under way', async () => {
    const file = await goldenStream();
    const source = await TestSource.open(await serve(file));
    const next = (expectedEntry: bigint): SourceMessage => ({ kind: 'startAtomicOp', expectedEntry });
    source.send(next(3n), entry(1, data), commit, next(4n), entry(1, data), commit, next(5n), commit);
    for (let acknowledged = 0; acknowledged < 3; acknowledged++) expect((await source.answer()).code).toBe(0);
  });

  it('are not seen before their commit, and by clients afterwards', async () => {
    const file = await goldenStream();
    const source = await TestSource.open(await serve(file));
    source.send(startAny, entry(1, data), header);
    expect(await source.answer()).toMatchObject({ code: 0, header: { totalEntries: 3n } });
    expect(await file.getEntry(3n)).toBeUndefined();
    source.send(commit);
    expect(await source.answer()).toMatchObject({ code: 0, header: { totalEntries: 4n } });
    expect(await file.getEntry(3n)).toMatchObject({ type: 1, number: 3n });
  });
});

describe('A message that is wrong', () => {
  const bookmark = (length: number): Uint8Array => {
    const bytes = Uint8Array.from(encodeSourceMessage({ kind: 'addStreamBookmark', bookmark: data }, 1n));
    bytes.set([0, 0, 0, length], 16);
    return bytes;
  };
  const tooLarge = Uint8Array.from(encodeSourceMessage(entry(1, data), 1n));
  tooLarge.set([0, 0x0f, 0xff, 0xf0], 20);
  const encoded = (message: SourceMessage): Uint8Array => encodeSourceMessage(message, 1n);

  it.each([
    ['AddStreamEntry without an operation', [], encoded(entry(1, data)), ResultCode.noOperation],
    [
      'AddStreamBookmark without one',
      [],
      encoded({ kind: 'addStreamBookmark', bookmark: data }),
      ResultCode.noOperation,
    ],
    ['CommitAtomicOp without one', [], encoded(commit), ResultCode.noOperation],
    ['RollbackAtomicOp without one', [], encoded(rollback), ResultCode.noOperation],
    ['StartAtomicOp within one', [startAny], encoded(startAny), ResultCode.operationOpen],
    [
      'TruncateFile within one',
      [startAny],
      encoded({ kind: 'truncateFile', entryNumber: 0n }),
      ResultCode.operationOpen,
    ],
    ['an entry that fits no page', [startAny, entry(1, data)], tooLarge, ResultCode.entryTooLarge],
    ['a bookmark of 0 bytes', [startAny, entry(1, data)], bookmark(0), ResultCode.badBookmark],
    ['a bookmark of 17 bytes', [startAny, entry(1, data)], bookmark(17), ResultCode.badBookmark],
    [
      'a bookmark added as an entry',
      [startAny, entry(1, data)],
      encoded(entry(0xb0, data)),
      ResultCode.badEntryType,
    ],
  ])(
    '%s: the error is sent, what is open is rolled back, the connection closed',
    async (_name, before, bytes, code) => {
      const file = await goldenStream();
      const server = await serve(file);
      const source = await TestSource.open(server);
      source.send(...before);
      source.peer.send(bytes);
      expect(await source.lastAnswer()).toMatchObject({ code });
      expect(file.operationOpen).toBe(false);
      expect(file.nextEntry).toBe(3n);
      await TestSource.open(server);
    },
  );

  it('stops those that were sent behind it', async () => {
    const file = await goldenStream();
    const source = await TestSource.open(await serve(file));
    source.send(startAny, entry(0xb0, data), commit, startAny, entry(1, data), commit);
    expect(await source.lastAnswer()).toMatchObject({ code: ResultCode.badEntryType });
    expect(file.header.totalEntries).toBe(3n);
  });
});

describe('The largest entry', () => {
  it('has 1,048,559 bytes of data, and comes back whole', async () => {
    const file = await goldenStream();
    const source = await TestSource.open(await serve(file));
    const largest = Buffer.alloc(1_048_559, 5);
    source.send(startAny, entry(1, largest), commit);
    expect(await source.answer()).toMatchObject({ code: 0, header: { totalEntries: 4n } });
    expect(largest.equals((await file.getEntry(3n))!.data)).toBe(true);
  });
});

describe('TruncateFile, UpdateEntryData and Header', () => {
  it('cut and change the stream, and say how long it is', async () => {
    const file = await goldenStream();
    const source = await TestSource.open(await serve(file));
    source.send(
      { kind: 'updateEntryData', entryNumber: 1n, entryType: 1, data: Uint8Array.of(5, 4, 3, 2, 1) },
      { kind: 'truncateFile', entryNumber: 2n },
      header,
    );
    expect(await source.answer()).toMatchObject({ code: 0, header: { totalEntries: 3n } });
    expect(await source.answer()).toMatchObject({ code: 0, header: { totalEntries: 2n } });
    expect(await source.answer()).toMatchObject({ code: 0, header: { totalEntries: 2n } });
    expect(hex((await file.getEntry(1n))!.data)).toBe('0504030201');
  });

  it.each([
    [
      'an entry that is not there, to be cut',
      { kind: 'truncateFile', entryNumber: 3n },
      ResultCode.entryNotFound,
    ],
    [
      'an entry beyond all numbers, to be cut',
      { kind: 'truncateFile', entryNumber: 2n ** 64n - 1n },
      ResultCode.entryNotFound,
    ],
    [
      'an entry that is not there, to be updated',
      { kind: 'updateEntryData', entryNumber: 3n, entryType: 1, data },
      ResultCode.entryNotFound,
    ],
    [
      'data of another length',
      { kind: 'updateEntryData', entryNumber: 1n, entryType: 1, data },
      ResultCode.updateMismatch,
    ],
    [
      'data of another type',
      { kind: 'updateEntryData', entryNumber: 1n, entryType: 2, data: new Uint8Array(5) },
      ResultCode.updateMismatch,
    ],
    [
      'a bookmark',
      { kind: 'updateEntryData', entryNumber: 0n, entryType: 0xb0, data: new Uint8Array(9) },
      ResultCode.badEntryType,
    ],
  ] as const)('refuse %s, and go on', async (_name, message, code) => {
    const source = await TestSource.open(await serve(await goldenStream()));
    source.send(message, header);
    expect((await source.answer()).code).toBe(code);
    expect(await source.answer()).toMatchObject({
      code: 0,
      header: { totalEntries: 3n, totalLength: 4161n },
    });
  });
});

describe('A connection that ends', () => {
  it.each([
    ['is cut', (peer: Peer) => peer.socket.resetAndDestroy()],
    ['is ended by the source', (peer: Peer) => peer.socket.end()],
  ])('because it %s rolls back the operation that is open', async (_name, end) => {
    const file = await goldenStream();
    const server = await serve(file);
    const source = await TestSource.open(server);
    source.send(startAny, entry(1, data), header);
    await source.answer();
    expect(file.operationOpen).toBe(true);
    end(source.peer);
    await expect.poll(() => file.operationOpen).toBe(false);
    expect(file.nextEntry).toBe(3n);
  });

  it('in the middle of a message leaves what was committed before', async () => {
    const file = await goldenStream();
    const source = await TestSource.open(await serve(file));
    source.send(startAny, entry(1, data), commit, startAny);
    source.peer.send(encodeSourceMessage(entry(1, Buffer.alloc(1000)), 1n).subarray(0, 500));
    source.peer.socket.end();
    expect(await source.lastAnswer()).toMatchObject({ code: 0, header: { totalEntries: 4n } });
    await expect.poll(() => file.operationOpen).toBe(false);
  });
});

describe(`Any source (seed ${seed})`, () => {
  it('leads to the stream that its committed operations describe, however it cuts its messages', async () => {
    const random = new Random();
    const file = await emptyStream({ pageBytes: 4096 });
    const source = await TestSource.open(await serve(file));
    const expected: Entry[] = [];
    let answers = 0;
    for (let operation = 0; operation < 150 * effort; operation++) {
      const added = Array.from({ length: random.integer(0, 8) }, () =>
        random.chance(0.2)
          ? { type: 0xb0, data: random.bytes(random.integer(1, 16)) }
          : { type: random.integer(1, 9), data: random.bytes(random.integer(0, 300)) },
      );
      const messages = added.map(({ type, data }): SourceMessage =>
        type === 0xb0 ? { kind: 'addStreamBookmark', bookmark: data } : entry(type, data),
      );
      const committed = random.chance(0.8);
      if (committed) expected.push(...numbered(BigInt(expected.length), added));
      const bytes = [startAny, ...messages, committed ? commit : rollback].map((message) =>
        encodeSourceMessage(message, 1n),
      );
      await source.peer.sendApart(random.chunks(Buffer.concat(bytes), random.pick([7, 100, 10_000])));
      answers++;
    }
    for (; answers > 0; answers--) expect((await source.answer()).code).toBe(0);
    expect((await entriesOf(file)).map(plain)).toEqual(expected.map(plain));
  });
});
