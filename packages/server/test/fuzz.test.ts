// Goal: whatever bytes come, in whatever chunks, a session neither crashes nor hangs, answers as the protocol says, and holds
// no more than the one message that is not whole.
// Method: five million conversations, right, damaged, cut off or nothing at all; a model that reads the whole input at once
// says what has to come. A failure prints the input.
import { expect, it } from 'vitest';
import {
  clientCommands,
  encodeCommand,
  encodeEntry,
  encodeHeader,
  encodeSourceMessage,
  FrameDecoder,
  result,
  ResultCode,
  sourceMessageRuns,
  takeAdditions,
  type ClientCommand,
  type Grammar,
  type SourceMessage,
} from '@ds/codec';

import { effort, Random, seed } from '@ds/test-kit';
import { ClientSession, type ClientAnswer, type ClientQuery } from '../src/clients/client-session.js';
import { SourceSession } from '../src/sources/source-session.js';
import { expectedOfClient, finds, type Expected } from './fuzz/client-model.js';
import { codesIn, Inputs } from './fuzz/inputs.js';
import { expectedOfSource, type ExpectedOfSource } from './fuzz/source-model.js';

const CLIENT_INPUTS = 3_200_000 * effort;
const SOURCE_INPUTS = 1_800_000 * effort;
/** One input in so many is also given to a bare decoder, to see what it holds. */
const HELD_EVERY = 20;
const timeout = 300_000 * effort;

const header = { version: 1, systemId: 137n, streamType: 1n, totalLength: 4096n, totalEntries: 5n };
const headerBytes = encodeHeader(header);
const entry = encodeEntry({ type: 1, number: 1n, data: Uint8Array.of(1, 2, 3) });

const clientCommandsToSend: readonly ClientCommand[] = [
  { kind: 'start', fromEntry: 0n },
  { kind: 'start', fromEntry: 6n },
  { kind: 'stop' },
  { kind: 'stop' },
  { kind: 'header' },
  { kind: 'entry', entryNumber: 1n },
  { kind: 'entry', entryNumber: 2n ** 64n - 1n },
  { kind: 'startBookmark', bookmark: Uint8Array.of(1, 2) },
  { kind: 'startBookmark', bookmark: new Uint8Array(15) },
  { kind: 'bookmark', bookmark: new Uint8Array(16) },
  { kind: 'authenticate', token: Uint8Array.of(1, 2, 3) },
];

function answerTo(query: ClientQuery): ClientAnswer {
  switch (query.kind) {
    case 'start':
      return { kind: 'start', found: finds.start(query.fromEntry) };
    case 'startBookmark':
      return { kind: 'start', found: finds.bookmark(query.bookmark.length) };
    case 'entry':
      return { kind: 'entry', bytes: finds.entry(query.entryNumber) ? entry : undefined };
    case 'bookmark':
      return { kind: 'entry', bytes: finds.bookmark(query.bookmark.length) ? entry : undefined };
    case 'header':
      return { kind: 'header', header };
    case 'authenticate':
      return { kind: 'authenticate', letsIn: true };
    default:
      return { kind: 'failure', result: result(ResultCode.readFailed) };
  }
}

/** What a session answers when it is given the input in chunks. */
function answersToClient(input: Uint8Array, inputs: Inputs): Expected {
  const session = new ClientSession(1n);
  const outputs: Uint8Array[] = [];
  for (let at = 0; at < input.length && session.state !== 'closed';) {
    const end = inputs.chunkEnd(at, input.length);
    session.receive(input.subarray(at, end));
    for (let query = session.next(); query; query = session.next()) session.answer(answerTo(query));
    const output = session.takeOutput();
    if (output) outputs.push(output);
    at = end;
  }
  return { codes: outputs.flatMap(codesIn), state: session.state, rest: session.midCommand ? 1 : 0 };
}

function answersToSource(input: Uint8Array, inputs: Inputs): Omit<ExpectedOfSource, 'rest'> {
  const session = new SourceSession(1n);
  const outputs: Uint8Array[] = [];
  const added: number[] = [];
  for (let at = 0; at < input.length && !session.closed;) {
    const end = inputs.chunkEnd(at, input.length);
    session.receive(input.subarray(at, end));
    for (let action = session.next(); action; action = session.next()) {
      const { message, ticket } = action;
      if (message.kind === 'openSource') session.open(ticket, headerBytes);
      else if (message.kind !== 'additions') session.answer(ticket, { header: headerBytes });
      else {
        takeAdditions(message, {
          takeEntry: (_type, _bytes, from, to) => added.push(to - from),
          takeBookmark: (_bytes, from, to) => added.push(to - from),
        });
      }
    }
    const output = session.takeOutput();
    if (output) outputs.push(output);
    at = end;
  }
  const state = session.closed
    ? 'closed'
    : session.operationOpen
      ? 'operation'
      : session.opened
        ? 'open'
        : 'new';
  return { codes: outputs.flatMap(codesIn), state, added };
}

/** The most that a decoder holds of an input, once all frames in it were taken. */
function heldBytes<Frame>(grammar: Grammar<Frame>, input: Uint8Array, inputs: Inputs): number {
  const decoder = new FrameDecoder(grammar);
  let most = 0;
  try {
    for (let at = 0; at < input.length;) {
      const end = inputs.chunkEnd(at, input.length);
      decoder.push(input.subarray(at, end));
      while (decoder.next());
      most = Math.max(most, decoder.bufferedBytes);
      at = end;
    }
  } catch {
    // It is closed then.
  }
  return most;
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((number, nth) => number === b[nth]);
}

function report(input: Uint8Array, expected: unknown, actual: unknown): never {
  const bytes = Buffer.from(input).toString('hex');
  throw new Error(
    `seed ${seed}, input ${bytes}:\n${JSON.stringify(actual)} instead of\n${JSON.stringify(expected)}`,
  );
}

it('A client can send anything', { timeout }, () => {
  const commands = clientCommandsToSend.map((command) => encodeCommand(command, 1n));
  const inputs = new Inputs(new Random(), commands);
  const grammar = clientCommands(1n);
  const ends = { stopped: 0, streaming: 0, closed: 0 };
  for (let count = 0; count < CLIENT_INPUTS; count++) {
    const input = inputs.next();
    const expected = expectedOfClient(input);
    const actual = answersToClient(input, inputs);
    const isSame =
      actual.state === expected.state &&
      sameNumbers(actual.codes, expected.codes) &&
      (actual.state === 'closed' || actual.rest > 0 === expected.rest > 0);
    if (!isSame) report(input, expected, actual);
    ends[actual.state]++;
    // The longest command but Authenticate has 36 bytes, and that one is 20 longer than its token.
    if (count % HELD_EVERY === 0 && heldBytes(grammar, input, inputs) > 20 + 4096)
      report(input, 'less held', 'more');
  }
  for (const times of Object.values(ends)) expect(times).toBeGreaterThan(CLIENT_INPUTS / 50);
});

it('A source can send anything', { timeout }, () => {
  const random = new Random();
  const messages: readonly SourceMessage[] = [
    { kind: 'openSource', protocolVersion: 1n, systemId: 137n, epoch: 1n, token: Uint8Array.of(7, 7) },
    { kind: 'startAtomicOp', expectedEntry: 5n },
    { kind: 'addStreamEntry', entryType: 1, data: random.bytes(40) },
    { kind: 'addStreamEntry', entryType: 2, data: new Uint8Array(0) },
    { kind: 'addStreamBookmark', bookmark: Uint8Array.of(9) },
    { kind: 'addStreamBookmark', bookmark: new Uint8Array(16) },
    { kind: 'commitAtomicOp' },
    { kind: 'rollbackAtomicOp' },
    { kind: 'truncateFile', entryNumber: 3n },
    { kind: 'updateEntryData', entryNumber: 1n, entryType: 1, data: random.bytes(3) },
    { kind: 'header' },
  ];
  const encoded = messages.map((message) => encodeSourceMessage(message, 1n));
  const concat = (...parts: readonly number[]): Uint8Array =>
    Buffer.concat(parts.map((nth) => encoded[nth]!));
  // Few conversations of chance get far, so whole operations are among what they are put together from.
  const openings = [
    concat(0),
    concat(0, 1),
    concat(0, 1, 2, 4, 6),
    concat(0, 1, 2, 3, 5, 2),
    concat(1, 2, 3, 7),
  ];
  const inputs = new Inputs(random, [...encoded, ...openings, ...openings, ...openings]);
  const grammar = sourceMessageRuns(1n);
  const ends = { new: 0, open: 0, operation: 0, closed: 0 };
  for (let count = 0; count < SOURCE_INPUTS; count++) {
    const input = inputs.next();
    const expected = expectedOfSource(input);
    const actual = answersToSource(input, inputs);
    const isSame =
      actual.state === expected.state &&
      sameNumbers(actual.codes, expected.codes) &&
      sameNumbers(actual.added, expected.added);
    if (!isSame) report(input, expected, actual);
    ends[actual.state]++;
    if (count % HELD_EVERY === 0 && heldBytes(grammar, input, inputs) > input.length)
      report(input, 'less held', 'more');
  }
  for (const times of Object.values(ends)) expect(times).toBeGreaterThan(SOURCE_INPUTS / 200);
});
