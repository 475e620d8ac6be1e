// Goal: the server's side of a conversation with a client, without a socket. Queries are answered here by hand, so what
// happens between a query and its answer is seen too.
import { describe, expect, it } from 'vitest';
import { encodeCommand, result, ResultCode, type ClientCommand } from '@ds/codec';

import { effort, Random, seed } from '@ds/test-kit';
import {
  goldenExchanges,
  goldenHeader,
  goldenStart,
  goldenToken,
  goldenTokenExchanges,
  hex as bytes,
  type GoldenExchange,
} from '../../codec/test/golden.js';
import { ClientSession, type ClientAnswer, type ClientQuery } from '../src/clients/client-session.js';
import { hex, packetsIn } from './support/peer.js';

const headerCommand = encodeCommand({ kind: 'header' }, 1n);
const startCommand = encodeCommand({ kind: 'start', fromEntry: 0n }, 1n);
const stopCommand = encodeCommand({ kind: 'stop' }, 1n);

/** What the golden stream answers to the golden queries. */
function answerTo(query: ClientQuery): ClientAnswer {
  const entry = bytes('02 00000016 00000001 0000000000000001 0102030405');
  switch (query.kind) {
    case 'header':
      return { kind: 'header', header: goldenHeader };
    case 'start':
      return { kind: 'start', found: query.fromEntry <= 3n };
    case 'startBookmark':
      return { kind: 'start', found: query.bookmark[8] === 7 };
    case 'entry':
      return { kind: 'entry', bytes: query.entryNumber === 1n ? entry : undefined };
    case 'bookmark':
      return { kind: 'entry', bytes: query.bookmark[8] === 7 ? entry : undefined };
    case 'authenticate':
      return { kind: 'authenticate', letsIn: hex(query.token) === hex(goldenToken) };
  }
}

/** A session that has been sent these chunks, with all queries answered; streamed entries are not its part. */
function play(session: ClientSession, ...chunks: readonly Uint8Array[]): Uint8Array {
  const output: Uint8Array[] = [];
  for (const chunk of chunks) {
    session.receive(chunk);
    for (let query = session.next(); query; query = session.next()) session.answer(answerTo(query));
    output.push(session.takeOutput() ?? new Uint8Array(0));
  }
  return Buffer.concat(output);
}

/** The part of a golden answer that is not the stream. */
function conversationPart({ answer }: GoldenExchange): string {
  const result = answer.subarray(0, 9 + (packetsIn(answer)[0] as { text: string }).text.length);
  return answer[result.length] === 2 ? hex(result) : hex(answer);
}

describe('A client session', () => {
  it.each(goldenExchanges.map((exchange) => [`${exchange.state}: ${exchange.name}`, exchange] as const))(
    'answers as the golden exchange %s',
    (_name, exchange) => {
      for (const cut of [[exchange.request], Array.from(exchange.request, (byte) => Uint8Array.of(byte))]) {
        const session = new ClientSession(1n);
        if (exchange.state === 'streaming') play(session, goldenStart.request);
        expect(session.state).toBe(exchange.state);
        expect(hex(play(session, ...cut))).toBe(conversationPart(exchange));
        expect(session.state === 'closed').toBe(exchange.closes);
      }
    },
  );

  it.each(goldenTokenExchanges.map((exchange) => [exchange.name, exchange] as const))(
    'that asks for a token answers a first %s',
    (_name, exchange) => {
      const session = new ClientSession(1n, { asksForToken: true });
      expect(hex(play(session, exchange.request))).toBe(hex(exchange.answer));
      expect(session.state === 'closed').toBe(exchange.closes);
    },
  );

  it('gives one query at a time, and the next one when that is answered', () => {
    const session = new ClientSession(1n);
    session.receive(Buffer.concat([headerCommand, headerCommand]));
    expect(session.next()).toEqual({ kind: 'header' });
    expect(session.next()).toBeUndefined();
    session.answer({ kind: 'header', header: goldenHeader });
    expect(session.next()).toEqual({ kind: 'header' });
    session.answer({ kind: 'header', header: goldenHeader });
    expect(session.next()).toBeUndefined();
    expect(session.commands).toBe(2);
  });

  it('starts to stream when the start was found, not when it was asked for', () => {
    const session = new ClientSession(1n);
    session.receive(startCommand);
    expect(session.next()).toEqual({ kind: 'start', fromEntry: 0n });
    expect(session.state).toBe('stopped');
    session.answer({ kind: 'start', found: true });
    expect(session.state).toBe('streaming');
  });

  it('is usable again behind a start that was not found', () => {
    const session = new ClientSession(1n);
    const beyond = encodeCommand({ kind: 'start', fromEntry: 4n }, 1n);
    play(session, beyond, startCommand);
    expect(session.state).toBe('streaming');
  });

  it('keeps its bytes apart: output is given once', () => {
    const session = new ClientSession(1n);
    session.receive(headerCommand);
    session.next();
    session.answer({ kind: 'header', header: goldenHeader });
    expect(session.takeOutput()).toBeDefined();
    expect(session.takeOutput()).toBeUndefined();
  });

  it('does not change the entry that it answers with', () => {
    const session = new ClientSession(1n);
    const entry = bytes('02 00000011 00000002 0000000000000002');
    session.receive(encodeCommand({ kind: 'entry', entryNumber: 2n }, 1n));
    session.next();
    session.answer({ kind: 'entry', bytes: entry });
    expect(entry[0]).toBe(2);
  });

  it('says nothing more once it is closed', () => {
    const session = new ClientSession(1n);
    play(session, stopCommand);
    expect(session.refusal).toEqual(result(ResultCode.alreadyStopped));
    expect(hex(play(session, headerCommand, startCommand))).toBe('');
    session.close(result(ResultCode.shuttingDown));
    expect(session.takeOutput()).toBeUndefined();
    expect(session.refusal?.code).toBe(ResultCode.alreadyStopped);
  });

  it('drops an answer that comes when it was closed meanwhile', () => {
    const session = new ClientSession(1n);
    session.receive(headerCommand);
    session.next();
    session.close(result(ResultCode.shuttingDown));
    session.takeOutput();
    session.answer({ kind: 'header', header: goldenHeader });
    expect(session.takeOutput()).toBeUndefined();
  });

  it('closes with a failure that is given for an answer', () => {
    const session = new ClientSession(1n);
    session.receive(headerCommand);
    session.next();
    session.answer({ kind: 'failure', result: result(ResultCode.readFailed, 'no disk') });
    expect(session.state).toBe('closed');
    expect(packetsIn(session.takeOutput()!)).toEqual([result(ResultCode.readFailed, 'no disk')]);
  });

  it('knows when a command has begun and is not whole', () => {
    const session = new ClientSession(1n);
    play(session, headerCommand.subarray(0, 3));
    expect(session.midCommand).toBe(true);
    play(session, headerCommand.subarray(3));
    expect(session.midCommand).toBe(false);
  });
});

describe(`A client session that is sent anything at all (seed ${seed})`, () => {
  const random = new Random();
  const commands: ClientCommand[] = [
    { kind: 'start', fromEntry: 3n },
    { kind: 'start', fromEntry: 4n },
    { kind: 'stop' },
    { kind: 'header' },
    { kind: 'startBookmark', bookmark: bytes('07') },
    { kind: 'entry', entryNumber: 1n },
    { kind: 'bookmark', bookmark: bytes('000000000000000007') },
    { kind: 'authenticate', token: goldenToken },
  ];

  it('never throws, always says why it closes, and answers nothing but packets', () => {
    for (let round = 0; round < 300 * effort; round++) {
      const session = new ClientSession(1n);
      const good = Array.from({ length: random.integer(0, 5) }, () =>
        encodeCommand(random.pick(commands), 1n),
      );
      const sent = Buffer.concat([...good, random.bytes(random.integer(16, 400))]);
      const output = play(session, ...random.chunks(sent, random.pick([1, 20, 500])));
      expect(() => packetsIn(output)).not.toThrow();
      expect(session.state).toBe('closed');
      expect(packetsIn(output).at(-1)).toEqual(session.refusal);
    }
  });

  it('survives any flipped bit of a conversation', () => {
    const sent = Buffer.concat(commands.map((command) => encodeCommand(command, 1n)));
    for (let bit = 0; bit < sent.length * 8; bit++) {
      const flipped = Uint8Array.from(sent);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const session = new ClientSession(1n);
      expect(() => packetsIn(play(session, flipped))).not.toThrow();
    }
  });
});
