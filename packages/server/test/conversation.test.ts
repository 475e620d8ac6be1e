// Goal: every conversation that the protocol knows, over a real connection, byte for byte, however the commands are cut
// into segments. The exchanges are the codec's golden ones, on the stream that they are about.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENTRY_PACKET } from '@ds/codec';

import { effort, Random, seed } from '@ds/test-kit';
import {
  goldenEntries,
  goldenExchanges,
  goldenStart,
  goldenToken,
  goldenTokenExchanges,
  type GoldenExchange,
} from '../../codec/test/golden.js';
import type { StreamServer } from '../src/index.js';
import { hex, packetsIn, Peer } from './support/peer.js';
import { bytesOf, goldenStream, serve } from './support/stream.js';

const byName = new Map(goldenExchanges.map((exchange) => [`${exchange.state}: ${exchange.name}`, exchange]));
const header = exchange('stopped: Header');
const stop = exchange('streaming: Stop a stream');

/** Ways to bring bytes to the server. */
const deliveries = {
  'in one segment': async (peer: Peer, bytes: Uint8Array) => {
    peer.send(bytes);
  },
  'byte by byte': (peer: Peer, bytes: Uint8Array) =>
    peer.sendApart(Array.from(bytes, (byte) => Uint8Array.of(byte))),
};

const undo: (() => Promise<void>)[] = [];
let server: StreamServer;
let tokenServer: StreamServer;

beforeAll(async () => {
  const finish = (step: () => Promise<void>): void => void undo.unshift(step);
  const file = await goldenStream(finish);
  server = await serve(file, {}, finish);
  const clients = { host: '127.0.0.1', port: 0, token: goldenToken };
  tokenServer = await serve(file, { clients }, finish);
});

afterAll(async () => {
  for (const step of undo) await step();
});

describe.each(Object.entries(deliveries))('A command that comes %s', (_way, deliver) => {
  it.each([...byName])('%s', async (_name, { state, request, answer, closes }) => {
    const peer = await Peer.connect(server.clientAddress);
    if (state === 'streaming') await play(peer, goldenStart);
    await deliver(peer, request);
    expect(hex(await peer.take(answer.length))).toBe(hex(answer));
    if (closes) await expectEnd(peer);
    else await expectOpen(peer, isStreaming(answer, state));
  });
});

describe.each(Object.entries(deliveries))('Where a token is asked for, %s', (_way, deliver) => {
  it.each(goldenTokenExchanges.map((each) => [each.name, each] as const))(
    'a first %s',
    async (_name, { request, answer, closes }) => {
      const peer = await Peer.connect(tokenServer.clientAddress);
      await deliver(peer, request);
      expect(hex(await peer.take(answer.length))).toBe(hex(answer));
      if (closes) await expectEnd(peer);
      else await expectOpen(peer, false);
    },
  );

  it('all other exchanges go as ever behind it, and another token is still refused', async () => {
    const [right, wrong] = goldenTokenExchanges;
    for (const each of byName.values()) {
      const peer = await Peer.connect(tokenServer.clientAddress);
      await play(peer, right!);
      if (each.state === 'streaming') await play(peer, goldenStart);
      await play(peer, each);
      if (each.closes) await expectEnd(peer);
      peer.socket.destroy();
    }
    const peer = await Peer.connect(tokenServer.clientAddress);
    await play(peer, right!);
    await play(peer, wrong!);
    await expectEnd(peer);
  });

  it('commands that came along with a wrong one are not answered', async () => {
    const [, wrong] = goldenTokenExchanges;
    const peer = await Peer.connect(tokenServer.clientAddress);
    await deliver(peer, Buffer.concat([wrong!.request, header.request]));
    expect(hex(await peer.rest())).toBe(hex(wrong!.answer));
  });
});

describe('Commands that come together in one segment', () => {
  it.each([...byName])('are answered in order: Header, Entry, then %s', async (_name, last) => {
    const before = [
      header,
      exchange('stopped: Entry 1'),
      ...(last.state === 'streaming' ? [goldenStart] : []),
    ];
    const after = isStreaming(last.answer, last.state) ? [stop, header] : [];
    const exchanges = [...before, last, ...after];
    const peer = await Peer.connect(server.clientAddress);
    peer.send(...exchanges.map(({ request }) => request));
    peer.socket.end();
    expectAnswers(await peer.rest(), exchanges);
  });

  it('are not read any more behind one that closes', async () => {
    const peer = await Peer.connect(server.clientAddress);
    const invalid = exchange('stopped: command 7, stopped');
    peer.send(header.request, invalid.request, header.request, header.request);
    expect(hex(await peer.rest())).toBe(hex(header.answer) + hex(invalid.answer));
  });
});

describe('A long conversation', () => {
  const rounds = Array.from({ length: 10 * effort }, (_none, round) => round);

  it.each(rounds)(`is answered command by command (seed ${seed}, round %i)`, async (round) => {
    const random = new Random(seed + round);
    const peer = await Peer.connect(server.clientAddress);
    for (const { request, answer } of conversation(random)) {
      await peer.sendApart(random.chunks(request, 30));
      expect(hex(await peer.take(answer.length))).toBe(hex(answer));
    }
  });

  it.each(rounds)(`is answered in order when it is pipelined (seed ${seed}, round %i)`, async (round) => {
    const random = new Random(seed + round);
    const exchanges = conversation(random);
    const peer = await Peer.connect(server.clientAddress);
    const bytes = Buffer.concat(exchanges.map(({ request }) => request));
    await peer.sendApart(random.chunks(bytes, random.pick([3, 60, 10_000])));
    peer.socket.end();
    expectAnswers(await peer.rest(), exchanges);
  });
});

function exchange(name: string): GoldenExchange {
  const found = byName.get(name);
  if (!found) throw new Error(`there is no golden exchange "${name}"`);
  return found;
}

async function play(peer: Peer, { request, answer }: GoldenExchange): Promise<void> {
  peer.send(request);
  expect(hex(await peer.take(answer.length))).toBe(hex(answer));
}

function startsStream({ command }: GoldenExchange): boolean {
  return 'kind' in command && (command.kind === 'start' || command.kind === 'startBookmark');
}

/** The state behind an answer that does not close. */
function isStreaming(answer: Uint8Array, before: GoldenExchange['state']): boolean {
  const entries = packetsIn(answer).some((packet) => packet.kind === 'entries');
  return (
    entries ||
    (before === 'stopped' &&
      answer === exchange('stopped: Start at the next entry, which is waited for').answer)
  );
}

/** The connection is closed by the server, and not a byte comes before that. */
async function expectEnd(peer: Peer): Promise<void> {
  expect(hex(await peer.rest())).toBe('');
  expect(peer.ended).toBe(true);
}

async function expectOpen(peer: Peer, streaming: boolean): Promise<void> {
  await play(peer, streaming ? stop : header);
  await play(peer, header);
}

/** Exchanges that leave the connection open, one after the other, stopped at the end. */
function conversation(random: Random): GoldenExchange[] {
  const open = goldenExchanges.filter(({ state, closes }) => state === 'stopped' && !closes);
  return Array.from({ length: random.integer(5, 40) }, () => random.pick(open)).flatMap((each) =>
    isStreaming(each.answer, 'stopped') ? [each, stop] : [each],
  );
}

/**
 * Bytes are the answers to these exchanges. Streamed entries are left out of the comparison where a command behind
 * Start can have been faster, but must be the beginning of the stream that was asked for.
 */
function expectAnswers(bytes: Uint8Array, exchanges: readonly GoldenExchange[]): void {
  const stream = hex(bytesOf(goldenEntries));
  const given = packetsIn(bytes);
  const streamed = given.flatMap((packet) => (packet.kind === 'entries' ? [hex(packet.batch.bytes)] : []));
  for (const entries of streamed) expect(stream).toContain(entries);
  const expected = exchanges.flatMap((each) =>
    packetsIn(startsStream(each) ? withoutEntries(each.answer) : each.answer),
  );
  expect(given.filter((packet) => packet.kind !== 'entries')).toEqual(expected);
}

/** The part of an answer before the first streamed entry. */
function withoutEntries(answer: Uint8Array): Uint8Array {
  const [first] = packetsIn(answer);
  if (first?.kind !== 'result') throw new Error('an answer starts with a result');
  const end = 9 + first.text.length;
  expect(answer[end] ?? ENTRY_PACKET).toBe(ENTRY_PACKET);
  return answer.subarray(0, end);
}
