// Goal: whatever an upstream sends, a relay stores nothing but whole entries in their order, says what is wrong, and goes on
// serving what it has. Method: an upstream that answers all as a server does but one thing.
import { describe, expect, it } from 'vitest';
import { encodeHeader, encodeResult, result, ResultCode, type ClientCommand } from '@ds/codec';

import { StreamRelay } from '../src/index.js';
import { fakeUpstream, OK, wireEntry, type Answer } from './support/fake-upstream.js';
import { addressOf, relayOptions, startRelay } from './support/relay.js';
import { identity, temporaryPath, textsAt, until } from './support/stream.js';

const good = [0n, 1n, 2n].map(wireEntry);
const otherHeader = encodeHeader({ ...identity, systemId: 138n, totalLength: 4168n, totalEntries: 3n });
const goodTexts = ['entry 0', 'entry 1', 'entry 2'];

/** Streams these bytes and answers all else as it should. */
function streaming(...bytes: readonly Uint8Array[]): Answer {
  return ({ kind }) => (kind === 'start' ? Buffer.concat([OK, ...bytes]) : undefined);
}

/** An entry of which a field is not what it should be. */
function bent(number: bigint, bend: (bytes: Buffer) => void): Uint8Array {
  const bytes = Buffer.from(wireEntry(number));
  bend(bytes);
  return bytes;
}

describe('A relay that is streamed', () => {
  it.each([
    ['an entry that skips one', wireEntry(4n)],
    ['an entry again', wireEntry(2n)],
    ['an entry of 4 GiB', bent(3n, (bytes) => bytes.writeUInt32BE(0xffff_ffff, 1))],
    ['an entry one byte too large', bent(3n, (bytes) => bytes.writeUInt32BE(0x10_0001, 1))],
    ['an entry shorter than its own head', bent(3n, (bytes) => bytes.writeUInt32BE(16, 1))],
    ['a packet of no kind', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['an answer that nobody asked for', bent(3n, (bytes) => bytes.writeUInt8(0xfe, 0))],
    ['a result that nobody asked for', OK],
  ])('%s: stops, and serves nothing but what came before', async (_name, bad) => {
    const upstream = await fakeUpstream(3n, streaming(...good, bad));
    const relay = await startRelay(upstream.address);
    await expect(relay.finished).rejects.toMatchObject({ name: 'RelayError', code: 'upstream' });
    const texts = await textsAt(addressOf(relay));
    expect(texts).toEqual(goodTexts.slice(0, texts.length));
  });

  it('half an entry when the connection ends: takes the rest when it is there again', async () => {
    let starts = 0;
    const upstream = await fakeUpstream(3n, ({ kind }, socket) => {
      if (kind !== 'start' || starts++ > 0) return undefined;
      socket.end(Buffer.concat([OK, ...good]).subarray(0, -1));
      return new Uint8Array();
    });
    const relay = await startRelay(upstream.address);
    await until('all entries are there', () => relay.header.totalEntries === 3n);
    expect(await textsAt(addressOf(relay))).toEqual(goodTexts);
    expect(starts).toBe(2);
  });

  it('a bookmark that is longer than any may be: hands it on as it is', async () => {
    const entry = bent(0n, (bytes) => bytes.writeUInt32BE(0xb0, 5));
    const upstream = await fakeUpstream(
      1n,
      streaming(Buffer.concat([entry, bookmark(1n, 40), bookmark(2n, 0)])),
    );
    const relay = await startRelay(upstream.address);
    await until('they are there', () => relay.header.totalEntries === 3n);
    expect(await textsAt(addressOf(relay))).toEqual(['entry 0', '\0'.repeat(40), '']);
  });
});

describe('A relay whose upstream', () => {
  it('speaks another protocol says so', async () => {
    const upstream = await fakeUpstream(0n, () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expectRefusal(upstream.address, 'upstream', upstream.address);
  });

  it('refuses it says why', async () => {
    const refusal = encodeResult(result(ResultCode.unauthorized));
    const upstream = await fakeUpstream(0n, () => refusal);
    await expectRefusal(upstream.address, 'upstream', 'Unauthorized');
  });

  it.each([
    ['never answers', (): Uint8Array => new Uint8Array()],
    ['is full', (): Uint8Array => encodeResult(result(ResultCode.serverFull))],
  ])('%s is tried again as often as was said', async (_name, answer) => {
    const upstream = await fakeUpstream(0n, answer);
    const changes = { answerMs: 20, retry: { firstMs: 1, attemptsMax: 3 } };
    await expect(StreamRelay.start(await relayOptions(upstream.address, changes))).rejects.toMatchObject({
      code: 'upstream',
    });
    expect(upstream.connections()).toBe(4);
  });

  it('goes each time it has said who it is, is tried again, but not all the time', async () => {
    const upstream = await fakeUpstream(5n, ({ kind }, socket) => {
      if (kind === 'start') socket.destroy();
      return kind === 'start' ? new Uint8Array() : undefined;
    });
    const relay = await startRelay(upstream.address, { retry: { firstMs: 20, longestMs: 5_000 } });
    await new Promise((resolve) => setTimeout(resolve, 500));
    // Two connections a round, one to check and one to follow; waits of 10 to 20 ms that double.
    expect(upstream.connections()).toBeGreaterThan(4);
    expect(upstream.connections()).toBeLessThan(16);
    expect(relay.header.totalEntries).toBe(0n);
  });

  it('shows one last entry and streams another is not followed', async () => {
    let starts = 0;
    const upstream = await fakeUpstream(3n, ({ kind }) => {
      if (kind !== 'start' || starts++ === 0) return undefined;
      return Buffer.concat([OK, bent(2n, (bytes) => bytes.writeUInt8(0x21, 17)), wireEntry(3n)]);
    });
    const path = await temporaryPath('relay.bin');
    const before = await startRelay(upstream.address, { path });
    await until('all entries are there', () => before.header.totalEntries === 3n);
    await before.close();
    const relay = await startRelay(upstream.address, { path });
    await until('it has been asked some times', () => starts > 3);
    expect(await textsAt(addressOf(relay))).toEqual(goodTexts);
  });

  it('is another stream on each connection is not followed', async () => {
    let headers = 0;
    const upstream = await fakeUpstream(3n, ({ kind }: ClientCommand) => {
      if (kind !== 'header' || headers++ % 2 === 0) return undefined;
      return Buffer.concat([OK, otherHeader]);
    });
    const relay = await startRelay(upstream.address);
    await until('it has been asked some times', () => headers > 10);
    expect(relay.header.totalEntries).toBe(0n);
  });
});

function bookmark(number: bigint, length: number): Uint8Array {
  const bytes = Buffer.alloc(17 + length);
  bytes.writeUInt8(2, 0);
  bytes.writeUInt32BE(bytes.length, 1);
  bytes.writeUInt32BE(0xb0, 5);
  bytes.writeBigUInt64BE(number, 9);
  return bytes;
}

async function expectRefusal(upstream: string, code: string, text: string): Promise<void> {
  const starting = expect(StreamRelay.start(await relayOptions(upstream))).rejects;
  await starting.toMatchObject({ name: 'RelayError', code });
  await starting.toThrow(text);
}
