// Goal: the client's side of a conversation, without a socket: commands become the golden bytes, golden answers become
// events, however they are cut, and what no server may send is an error of its own kind.
import { describe, expect, it } from 'vitest';
import { encodeEntry, encodeHeader, encodeResult, result, ResultCode, type ClientCommand } from '@ds/codec';

import { effort, Random, seed } from '@ds/test-kit';
import {
  goldenEntries,
  goldenExchanges,
  goldenHeader,
  goldenStart,
  type GoldenExchange,
} from '../../codec/test/golden.js';
import { hex } from '../../server/test/support/peer.js';
import { bytesOf } from '../../server/test/support/stream.js';
import { ClientSession, type ClientEvent } from '../src/connecting/client-session.js';
import { ClientError } from '../src/index.js';

type RightExchange = GoldenExchange & { readonly command: ClientCommand };

const OK = encodeResult(result(ResultCode.ok));
const exchanges = goldenExchanges.filter((exchange): exchange is RightExchange => 'kind' in exchange.command);
/** What a client can be made to send: not what it knows to have no place. */
const possible = exchanges.filter(
  ({ state, command, closes }) => !closes || (state === 'stopped' && command.kind !== 'stop'),
);
const impossible = exchanges.filter((exchange) => !possible.includes(exchange));

/** Events that chunks lead to, batches taken apart. */
function events(session: ClientSession, ...chunks: readonly Uint8Array[]): unknown[] {
  const taken: unknown[] = [];
  for (const chunk of chunks) {
    session.receive(chunk);
    for (let event = session.next(); event; event = session.next()) taken.push(...plain(event));
  }
  return taken;
}

function plain(event: ClientEvent): unknown[] {
  if (event.kind !== 'batch') return [event];
  return Array.from(event.batch, (entry) => ({
    kind: 'streamed',
    entry: hex(encodeEntry(entry)),
  }));
}

/** The events that golden packets stand for. */
function expected({ command, packets }: RightExchange): unknown[] {
  return packets.flatMap((packet): unknown[] => {
    switch (packet.kind) {
      case 'result':
        if (packet.code !== 0) return [{ kind: 'refused', result: packet, awaited: true, goesOn: true }];
        if (command.kind === 'stop') return [{ kind: 'stopped' }];
        if (command.kind === 'authenticate') return [{ kind: 'authenticated' }];
        return command.kind === 'start' || command.kind === 'startBookmark' ? [{ kind: 'started' }] : [];
      case 'header':
        return [packet];
      case 'answer':
        return [{ kind: 'entry', entry: packet.entry.type === 0xffff_ffff ? undefined : packet.entry }];
      case 'entry':
        return [{ kind: 'streamed', entry: hex(encodeEntry(packet.entry)) }];
    }
  });
}

function sessionIn(state: GoldenExchange['state']): ClientSession {
  const session = new ClientSession(1n);
  if (state === 'streaming') {
    session.send({ kind: 'start', fromEntry: 1n });
    events(session, goldenStart.answer);
  }
  return session;
}

function failure(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof ClientError) return error.code;
    throw error;
  }
  return 'none';
}

describe('A client session', () => {
  it.each(possible.map((exchange) => [`${exchange.state}: ${exchange.name}`, exchange] as const))(
    'sends and understands the golden exchange %s, whole and byte by byte',
    (_name, exchange) => {
      const { state, command, request, answer } = exchange;
      for (const chunks of [[answer], Array.from(answer, (byte) => Uint8Array.of(byte))]) {
        const session = sessionIn(state);
        expect(hex(session.send(command))).toBe(hex(request));
        expect(events(session, ...chunks)).toEqual(expected(exchange));
        expect(session.state).not.toBe('closed');
      }
    },
  );

  it.each(impossible.map((exchange) => [exchange.name, exchange] as const))(
    'does not send what has no place: %s',
    (_name, { state, command }) => {
      expect(failure(() => sessionIn(state).send(command))).toBe('bad-option');
    },
  );

  it.each([
    ['an entry below 0', { kind: 'start', fromEntry: -1n }],
    ['an entry above all', { kind: 'entry', entryNumber: 2n ** 64n }],
    ['an empty bookmark', { kind: 'bookmark', bookmark: new Uint8Array(0) }],
    ['a bookmark of 17 bytes', { kind: 'startBookmark', bookmark: new Uint8Array(17) }],
  ] as const)('does not send %s', (_name, command) => {
    const session = new ClientSession(1n);
    expect(failure(() => session.send(command))).toBe('bad-option');
    // The mistake leaves no trace.
    session.send({ kind: 'header' });
    expect(events(session, OK, encodeHeader(goldenHeader))).toEqual([
      { kind: 'header', header: goldenHeader },
    ]);
  });

  it('gives the answers to pipelined commands in order', () => {
    const session = new ClientSession(1n);
    const queries = possible.filter(({ command }) => ['header', 'entry', 'bookmark'].includes(command.kind));
    for (const { command } of queries) session.send(command);
    const answers = queries.map(({ answer }) => answer);
    expect(events(session, Uint8Array.from(Buffer.concat(answers)))).toEqual(queries.flatMap(expected));
  });

  it('takes entries that were on their way when the stream was stopped', () => {
    const session = sessionIn('streaming');
    session.send({ kind: 'stop' });
    const late = encodeEntry({ type: 1, number: 3n, data: new Uint8Array(0) });
    expect(events(session, late, OK)).toEqual([{ kind: 'streamed', entry: hex(late) }, { kind: 'stopped' }]);
    expect(session.state).toBe('stopped');
  });

  it('tells a refusal that ends the conversation from one that does not', () => {
    const refused = (code: number): unknown => {
      const session = new ClientSession(1n);
      session.send({ kind: 'start', fromEntry: 9n });
      return events(session, encodeResult(result(code)))[0];
    };
    expect(refused(ResultCode.badFromEntry)).toMatchObject({ awaited: true, goesOn: true });
    for (const code of [ResultCode.badFromBookmark, ResultCode.invalidCommand, ResultCode.serverFull, 4711])
      expect(refused(code)).toMatchObject({ awaited: true, goesOn: false, result: { code } });
  });

  it('knows a result that nobody has asked for as the end of the conversation', () => {
    const session = sessionIn('streaming');
    expect(events(session, encodeResult(result(ResultCode.shuttingDown)))).toMatchObject([
      { kind: 'refused', awaited: false, goesOn: false },
    ]);
  });
});

describe('What no server may send', () => {
  const [first, second, third] = goldenEntries.map((entry) => encodeEntry(entry)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const header = encodeHeader(goldenHeader);
  const answer = encodeEntry(goldenEntries[1]!, 0xfe);
  const huge = Uint8Array.from(first);
  huge.set([0xff, 0xff, 0xff, 0xff], 1);
  const none: ClientCommand[] = [];

  it.each([
    ['an OK without a command', none, [OK], 'protocol'],
    ['two OKs for one command', [{ kind: 'header' }], [OK, OK], 'protocol'],
    ['a header without a command', none, [header], 'protocol'],
    ['a header before the OK', [{ kind: 'header' }], [header], 'protocol'],
    ['a header for an entry', [{ kind: 'entry', entryNumber: 1n }], [OK, header], 'protocol'],
    ['an answer without a command', none, [answer], 'protocol'],
    ['an answer for a header', [{ kind: 'header' }], [OK, answer], 'protocol'],
    ['another entry than was asked for', [{ kind: 'entry', entryNumber: 2n }], [OK, answer], 'protocol'],
    ['an entry while nothing streams', none, [first], 'protocol'],
    ['an entry before the OK', [{ kind: 'start', fromEntry: 0n }], [first], 'protocol'],
    [
      'an entry behind the stop',
      [{ kind: 'start', fromEntry: 0n }, { kind: 'stop' }],
      [OK, OK, first],
      'protocol',
    ],
    ['another first entry than was asked for', [{ kind: 'start', fromEntry: 0n }], [OK, second], 'sequence'],
    ['a repeated entry', [{ kind: 'start', fromEntry: 0n }], [OK, first, first], 'sequence'],
    ['a gap', [{ kind: 'start', fromEntry: 0n }], [OK, first, third], 'sequence'],
    [
      'a gap behind a bookmark',
      [{ kind: 'startBookmark', bookmark: Uint8Array.of(1) }],
      [OK, second, second],
      'sequence',
    ],
    ['an entry of 4 GiB', [{ kind: 'start', fromEntry: 0n }], [OK, huge], 'protocol'],
    ['a result of 4 GiB', none, [Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff)], 'protocol'],
    ['a packet that is none', none, [Uint8Array.of(0x47)], 'protocol'],
  ] as [string, ClientCommand[], Uint8Array[], string][])('%s', (_name, commands, packets, code) => {
    for (const apart of [true, false]) {
      const session = new ClientSession(1n);
      for (const command of commands) session.send(command);
      expect(failure(() => events(session, ...(apart ? packets : [Buffer.concat(packets)])))).toBe(code);
    }
  });
});

describe(`Anything at all (seed ${seed})`, () => {
  it('is understood, or a typed error', () => {
    const random = new Random();
    const good = [OK, encodeHeader(goldenHeader), bytesOf(goldenEntries), encodeResult(result(3))];
    for (let round = 0; round < 500 * effort; round++) {
      const session = new ClientSession(1n);
      if (random.chance(0.5)) session.send({ kind: 'start', fromEntry: 0n });
      else session.send({ kind: 'header' });
      const parts = Array.from({ length: random.integer(1, 5) }, () =>
        random.chance(0.7) ? random.pick(good) : random.bytes(random.integer(1, 60)),
      );
      const sent = random.chunks(Buffer.concat(parts), random.pick([1, 10, 100]));
      expect(['none', 'protocol', 'sequence']).toContain(failure(() => events(session, ...sent)));
    }
  });
});
