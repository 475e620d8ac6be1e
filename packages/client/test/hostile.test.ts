// Goal: whatever a server does, the client ends with an error of the right kind, soon, and with little memory.
import { describe, expect, it } from 'vitest';
import { encodeEntry, encodeHeader, encodeResult, result, ResultCode } from '@ds/codec';

import { Random, seed } from '@ds/test-kit';
import { goldenEntries, goldenHeader } from '../../codec/test/golden.js';
import { MIB } from '../../server/test/support/client.js';
import { liveBytes } from '../../server/test/support/peer.js';
import { bytesOf } from '../../server/test/support/stream.js';
import { positionAfter, type StreamClient } from '../src/index.js';
import { answering, FakeServer, headerAnswer, OK } from './support/fake-server.js';
import { client, collect } from './support/follow.js';

const once = { retry: { attemptsMax: 0 }, answerMs: 200, connectMs: 200, bufferBytes: 16 << 10 };
const entryBytes = encodeEntry(goldenEntries[1]!);
const answerEntry = encodeEntry(goldenEntries[1]!, 0xfe);
const hugeEntry = Uint8Array.from(entryBytes);
hugeEntry.set([0xff, 0xff, 0xff, 0xff], 1);
const hugeResult = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff);
const http = Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n');

const questions: [string, (asking: StreamClient) => Promise<unknown>][] = [
  ['header', (asking) => asking.header()],
  ['entry', (asking) => asking.entry(1n)],
  ['bookmark', (asking) => asking.bookmark(Uint8Array.of(7))],
  ['follow', (asking) => collect(asking, {})],
];

describe.each(questions)('Asked by %s, a server that', (_name, ask) => {
  it.each([
    ['talks another protocol', http, 'protocol'],
    ['sends noise', new Random().bytes(1000), 'protocol'],
    ['declares a result of 4 GiB', hugeResult, 'protocol'],
    ['declares an entry of 4 GiB', hugeEntry, 'protocol'],
    ['streams without being asked to', entryBytes, 'protocol'],
    ['sends OK without end', Buffer.concat(Array.from({ length: 1000 }, () => OK)), 'protocol'],
    ['sends a header first', encodeHeader(goldenHeader), 'protocol'],
    ['refuses with an error of its own', encodeResult(result(4711, 'No')), 'refused'],
    ['shuts down', encodeResult(result(ResultCode.shuttingDown)), 'refused'],
  ])(`%s is told so (seed ${seed})`, async (_behaviour, bytes, code) => {
    const server = await FakeServer.start((socket) => socket.write(bytes));
    await expect(ask(client(server.address, once))).rejects.toMatchObject({ name: 'ClientError', code });
  });

  it.each([
    ['says nothing', new Uint8Array(0)],
    ['says OK and no more', OK],
    ['stops within an answer', headerAnswer.subarray(0, 30)],
  ])('%s is given up in time', async (_behaviour, bytes) => {
    const server = await FakeServer.start(answering(() => bytes));
    const begunMs = performance.now();
    await expect(ask(client(server.address, once))).rejects.toMatchObject({ code: 'timeout' });
    expect(performance.now() - begunMs).toBeLessThan(2_000);
  });

  it('ends the connection at once is told so', async () => {
    const server = await FakeServer.start((socket) => socket.destroy());
    await expect(ask(client(server.address, once))).rejects.toMatchObject({ code: 'disconnected' });
  });
});

describe('A server that answers', () => {
  it.each([
    [
      'with another entry than was asked for',
      (asking: StreamClient) => asking.entry(2n),
      Buffer.concat([OK, answerEntry]),
    ],
    ['a header with an entry', (asking: StreamClient) => asking.header(), Buffer.concat([OK, answerEntry])],
    ['an entry with a header', (asking: StreamClient) => asking.entry(1n), headerAnswer],
  ])('%s is not believed', async (_name, ask, bytes) => {
    const server = await FakeServer.start(answering(() => bytes));
    await expect(ask(client(server.address, once))).rejects.toMatchObject({ code: 'protocol' });
  });

  it('too late finds nobody', async () => {
    const server = await FakeServer.start(
      answering((_command, socket) => {
        setTimeout(() => socket.write(headerAnswer), 400);
        return undefined;
      }),
    );
    const asking = client(server.address, once);
    await expect(asking.header()).rejects.toMatchObject({ code: 'timeout' });
    await new Promise((resolve) => setTimeout(resolve, 400));
    await expect(asking.header()).rejects.toMatchObject({ code: 'timeout' });
  });

  it('Bad from entry to what was no Start does not fool it', async () => {
    const server = await FakeServer.start(answering(() => encodeResult(result(ResultCode.badFromEntry))));
    const asking = client(server.address, once);
    await expect(asking.header()).rejects.toMatchObject({ code: 'refused', result: { code: 3 } });
  });
});

describe('A server that streams', () => {
  const [first, second, third] = goldenEntries.map((entry) => encodeEntry(entry)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const streaming = (...parts: readonly Uint8Array[]): Promise<FakeServer> =>
    FakeServer.start(
      answering((command) => (command.kind === 'header' ? headerAnswer : Buffer.concat([OK, ...parts]))),
    );

  it.each([
    ['another first entry', [second], 'sequence'],
    ['an entry twice', [first, first], 'sequence'],
    ['with a gap', [first, third], 'sequence'],
    ['an answer in between', [first, answerEntry, second], 'protocol'],
    ['a header in between', [first, encodeHeader(goldenHeader), second], 'protocol'],
    ['an OK in between', [first, OK, second], 'protocol'],
    ['an entry that is too large', [first, hugeEntry], 'protocol'],
    ['noise', [first, http], 'protocol'],
    [
      'a refusal that nobody has asked for',
      [first, encodeResult(result(ResultCode.badFromEntry))],
      'refused',
    ],
  ] as const)('%s is left, and what was right before is given', async (_name, parts, code) => {
    const [start, ...rest] = parts;
    const server = await streaming(start);
    const given: bigint[] = [];
    const follow = async (): Promise<void> => {
      for await (const { number } of client(server.address, once).follow()) {
        given.push(number);
        server.sockets[0]?.write(Buffer.concat(rest));
      }
    };
    await expect(follow()).rejects.toMatchObject({ name: 'ClientError', code });
    expect(given).toEqual(start === first ? [0n] : []);
  });

  it('less than it says that it has is given up in time', async () => {
    const server = await streaming(first);
    await expect(collect(client(server.address, once), {})).rejects.toMatchObject({ code: 'timeout' });
  });

  it('not the entry that was seen last is given up in time', async () => {
    const server = await streaming();
    const from = positionAfter(goldenHeader, bytesOf(goldenEntries.slice(2)));
    const following = collect(client(server.address, once), { from });
    await expect(following).rejects.toMatchObject({ code: 'timeout' });
  });

  it('nothing new is waited for: a stream may be quiet', async () => {
    const server = await streaming(first, second, third);
    const following = client(server.address, once).follow();
    for (let number = 0n; number < 3n; number++)
      expect((await following.next()).value).toMatchObject({ number });
    const next = following.next();
    const quiet = new Promise((resolve) => setTimeout(resolve, 600, 'quiet'));
    expect(await Promise.race([next, quiet])).toBe('quiet');
    server.stop();
    await expect(next).rejects.toMatchObject({ code: 'disconnected' });
  });

  it.each([
    ['a part of an entry', second.subarray(0, 20)],
    ['a part of a head', second.subarray(0, 3)],
  ])('and stops within %s, is given up in time, though nothing more was due', async (_name, part) => {
    const header = Buffer.concat([OK, encodeHeader({ ...goldenHeader, totalEntries: 1n })]);
    const server = await FakeServer.start(
      answering((command) => (command.kind === 'header' ? header : Buffer.concat([OK, first]))),
    );
    const following = client(server.address, once).follow();
    expect((await following.next()).value).toMatchObject({ number: 0n });
    const next = expect(following.next()).rejects.toMatchObject({ code: 'timeout' });
    server.sockets[0]?.write(part);
    await next;
  });

  it('nothing for longer than was said is given up', async () => {
    const server = await streaming(first, second, third);
    const following = client(server.address, { ...once, silenceMs: 100 }).follow();
    for (let number = 0; number < 3; number++) await following.next();
    await expect(following.next()).rejects.toMatchObject({ code: 'timeout' });
  });

  it('more than anybody takes costs one buffer, not what is sent', async () => {
    const header = Buffer.concat([OK, encodeHeader({ ...goldenHeader, totalEntries: 1_000_000n })]);
    let sent = 0;
    const server = await FakeServer.start(
      answering((command, socket) => {
        if (command.kind === 'header') return header;
        socket.write(OK);
        const send = (): void => {
          let goesOn = true;
          while (goesOn && sent < 200_000) {
            goesOn = socket.write(encodeEntry({ type: 1, number: BigInt(sent++), data: Buffer.alloc(1000) }));
          }
        };
        socket.on('drain', send);
        send();
        return undefined;
      }),
    );
    const before = await liveBytes();
    const patient = { ...once, answerMs: 10_000, bufferBytes: 64 << 10 };
    const following = client(server.address, patient).followBatches();
    const { value } = await following.next();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await liveBytes()) - before).toBeLessThan(2 * MIB);
    expect(value?.bytes.length).toBeLessThanOrEqual(64 << 10);
    expect(sent).toBeLessThan(50_000);
    await following.return();
  });

  it('an entry of the largest size in single bytes costs what has come, not what was declared', async () => {
    const head = Uint8Array.from(first.subarray(0, 17));
    head.set([0, 0x10, 0, 0], 1);
    const server = await streaming(head);
    const before = await liveBytes();
    const many = Array.from({ length: 50 }, () =>
      collect(client(server.address, { ...once, answerMs: 500 }), {}),
    );
    const outcomes = Promise.allSettled(many);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect((await liveBytes()) - before).toBeLessThan(10 * MIB);
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'timeout' } });
  });
});

describe('An address that swallows connections', () => {
  it('is given up in time', async () => {
    // No packet is ever answered from there (TEST-NET-1), or there is no way there at all.
    const asking = client('192.0.2.1:6900', once).header();
    await expect(asking).rejects.toMatchObject({
      code: expect.stringMatching(/^(timeout|connect)$/) as string,
    });
  });
});
