// Goal: the server's side of a conversation with a source, without a socket and without a stream. What is asked of the
// stream is seen as actions; their outcomes are given by hand, in any order.
import { describe, expect, it } from 'vitest';
import {
  ANY_ENTRY,
  encodeHeader,
  encodeSourceMessage,
  FrameDecoder,
  result,
  ResultCode,
  sourceAnswers,
  type SourceAnswer,
  type SourceMessage,
} from '@ds/codec';

import { effort, Random, seed } from '@ds/test-kit';
import { goldenHeader, goldenSourceSession } from '../../codec/test/golden.js';
import { singleMessages } from '../../codec/test/support/decoding.js';
import { SourceSession, type SourceAction } from '../src/sources/source-session.js';
import { hex } from './support/peer.js';

const data = Uint8Array.of(1, 2, 3);
const open: SourceMessage = {
  kind: 'openSource',
  protocolVersion: 1n,
  systemId: 137n,
  epoch: 1n,
  token: data,
};
const messages = {
  openSource: open,
  startAtomicOp: { kind: 'startAtomicOp', expectedEntry: ANY_ENTRY },
  addStreamEntry: { kind: 'addStreamEntry', entryType: 1, data },
  addStreamBookmark: { kind: 'addStreamBookmark', bookmark: data },
  commitAtomicOp: { kind: 'commitAtomicOp' },
  rollbackAtomicOp: { kind: 'rollbackAtomicOp' },
  truncateFile: { kind: 'truncateFile', entryNumber: 0n },
  updateEntryData: { kind: 'updateEntryData', entryNumber: 0n, entryType: 1, data },
  header: { kind: 'header' },
} as const satisfies Record<SourceMessage['kind'], SourceMessage>;
type Kind = keyof typeof messages;
const kinds = Object.keys(messages) as Kind[];
const header = encodeHeader(goldenHeader);
const acknowledgement: SourceAnswer[] = [result(ResultCode.ok), { kind: 'header', header: goldenHeader }];

const states = ['new', 'open', 'operation'] as const;
type State = (typeof states)[number];

/** Error number with which a message is refused; undefined: it is let through. */
const refusals: Record<State, Partial<Record<Kind, number>>> = {
  new: Object.fromEntries(
    kinds.filter((kind) => kind !== 'openSource').map((kind) => [kind, ResultCode.notOpen]),
  ),
  open: {
    openSource: ResultCode.invalidCommand,
    addStreamEntry: ResultCode.noOperation,
    addStreamBookmark: ResultCode.noOperation,
    commitAtomicOp: ResultCode.noOperation,
    rollbackAtomicOp: ResultCode.noOperation,
  },
  operation: {
    openSource: ResultCode.invalidCommand,
    startAtomicOp: ResultCode.operationOpen,
    truncateFile: ResultCode.operationOpen,
    updateEntryData: ResultCode.operationOpen,
  },
};

function encode(...kinds: readonly Kind[]): Uint8Array {
  return Buffer.concat(kinds.map((kind) => encodeSourceMessage(messages[kind], 1n)));
}

function actions(session: SourceSession): SourceAction[] {
  const taken: SourceAction[] = [];
  for (let action = session.next(); action; action = session.next()) taken.push(action);
  return taken;
}

/** What actions are about, message by message. */
function messagesOf(taken: readonly SourceAction[]): SourceMessage[] {
  return taken.flatMap(({ message }) => singleMessages(message));
}

function answers(bytes: Uint8Array | undefined): SourceAnswer[] {
  const decoder = new FrameDecoder(sourceAnswers);
  decoder.push(bytes ?? new Uint8Array(0));
  const taken: SourceAnswer[] = [];
  for (let answer = decoder.next(); answer; answer = decoder.next()) taken.push(answer);
  expect(decoder.bufferedBytes).toBe(0);
  return taken;
}

function sessionIn(state: State): SourceSession {
  const session = new SourceSession(1n);
  if (state === 'new') return session;
  session.receive(encode('openSource'));
  session.open(actions(session)[0]!.ticket, header);
  if (state === 'operation') {
    session.receive(encode('startAtomicOp'));
    actions(session);
  }
  session.takeOutput();
  return session;
}

describe.each(states)('A source session that is %s', (state) => {
  it.each(kinds)('treats %s as the protocol says', (kind) => {
    const session = sessionIn(state);
    session.receive(encode(kind));
    const refusal = refusals[state][kind];
    expect(messagesOf(actions(session)).map((message) => message.kind)).toEqual(
      refusal === undefined ? [kind] : [],
    );
    expect(session.closed).toBe(refusal !== undefined);
    expect(answers(session.takeOutput())).toEqual(refusal === undefined ? [] : [result(refusal)]);
  });
});

describe('A source session', () => {
  it('takes the golden session, message by message, and byte by byte', () => {
    for (const whole of [true, false]) {
      const session = new SourceSession(1n);
      for (const { message, request, answers: expected } of goldenSourceSession) {
        const chunks = whole ? [request] : Array.from(request, (byte) => Uint8Array.of(byte));
        const taken = chunks.flatMap((chunk) => {
          session.receive(chunk);
          return actions(session);
        });
        expect(messagesOf(taken)).toEqual([message]);
        const { ticket } = taken[0]!;
        if (message.kind === 'openSource') session.open(ticket, header);
        else session.answer(ticket, { header });
        expect(answers(session.takeOutput())).toHaveLength(expected.length);
      }
      expect(session.closed).toBe(false);
    }
  });

  it('waits with everything until the source is let in', () => {
    const session = new SourceSession(1n);
    session.receive(encode('openSource', 'header'));
    expect(session.next()?.message.kind).toBe('openSource');
    expect(session.opened).toBe(false);
    expect(session.next()).toBeUndefined();
    expect(session.refusal?.code).toBe(ResultCode.notOpen);
  });

  it('sends answers in the order of their messages, whatever order the outcomes come in', () => {
    const session = sessionIn('open');
    session.receive(encode('header', 'startAtomicOp', 'commitAtomicOp', 'truncateFile'));
    const [first, , second, third] = actions(session).map(({ ticket }) => ticket);
    session.answer(third!, { header });
    expect(session.takeOutput()).toBeUndefined();
    session.answer(first!, { header });
    expect(answers(session.takeOutput())).toEqual(acknowledgement);
    session.answer(second!, { refusal: result(ResultCode.diskFull) });
    expect(answers(session.takeOutput())).toEqual([result(ResultCode.diskFull), ...acknowledgement]);
    expect(session.answersPending).toBe(false);
    expect(session.closed).toBe(false);
  });

  it('sends what ends it behind the answers that are awaited, and nothing behind that', () => {
    const session = sessionIn('open');
    session.receive(encode('startAtomicOp', 'commitAtomicOp', 'addStreamEntry', 'header'));
    const ticket = actions(session).at(-1)!.ticket;
    expect(session.closed).toBe(true);
    expect(session.takeOutput()).toBeUndefined();
    session.answer(ticket, { header });
    expect(answers(session.takeOutput())).toEqual([...acknowledgement, result(ResultCode.noOperation)]);
    session.receive(encode('header'));
    session.fail(result(ResultCode.shuttingDown));
    expect(session.next()).toBeUndefined();
    expect(session.takeOutput()).toBeUndefined();
  });

  it('answers an action once', () => {
    const session = sessionIn('open');
    session.receive(encode('header'));
    const { ticket } = actions(session)[0]!;
    session.answer(ticket, { header });
    session.takeOutput();
    session.answer(ticket, { header });
    expect(session.takeOutput()).toBeUndefined();
  });

  it('tells what was wrong with bytes that are no message', () => {
    const tooLarge = encode('addStreamEntry');
    tooLarge.set([0, 0x10, 0, 0], 20);
    const longBookmark = encode('addStreamBookmark');
    longBookmark.set([0, 0, 0, 17], 16);
    const longToken = encode('openSource');
    longToken.set([0xff, 0xff, 0xff, 0xff], 40);
    const unknown = encode('header');
    unknown[7] = 9;
    const faults: [State, Uint8Array, number][] = [
      ['operation', tooLarge, ResultCode.entryTooLarge],
      ['operation', longBookmark, ResultCode.badBookmark],
      ['new', longToken, ResultCode.unauthorized],
      ['open', unknown, ResultCode.invalidCommand],
      ['new', encodeSourceMessage(open, 2n), ResultCode.invalidCommand],
    ];
    for (const [state, bytes, code] of faults) {
      const session = sessionIn(state);
      session.receive(bytes);
      expect(actions(session)).toEqual([]);
      expect(session.closed).toBe(true);
      expect(session.refusal?.code).toBe(code);
    }
  });
});

describe(`A source session that is sent anything at all (seed ${seed})`, () => {
  it('never throws, and either goes on or says why not', () => {
    const random = new Random();
    for (let round = 0; round < 300 * effort; round++) {
      const session = sessionIn(random.pick(states));
      const good = Array.from({ length: random.integer(0, 8) }, () => encode(random.pick(kinds)));
      const sent = Buffer.concat([...good, random.bytes(random.integer(16, 300))]);
      const output: Uint8Array[] = [];
      for (const chunk of random.chunks(sent, random.pick([1, 30, 400]))) {
        session.receive(chunk);
        for (const { ticket } of actions(session)) session.answer(ticket, { header });
        output.push(session.takeOutput() ?? new Uint8Array(0));
      }
      expect(session.closed, hex(sent)).toBe(true);
      expect(answers(Buffer.concat(output)).at(-1)).toEqual(session.refusal);
    }
  });
});
