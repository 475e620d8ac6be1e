// Conversations of a source with a session of the server's, each held against the model. What the stream is asked for is
// done later, and in another order than it was asked for; answers must keep that order.
import {
  encodeSourceMessage,
  result,
  ResultCode,
  takeAdditions,
  type SourceMessage,
  type SourceMessageRun,
} from '@ds/codec';
import { Random, seed } from '@ds/test-kit';

import { SourceSession } from '../../src/sources/source-session.js';
import { Inputs } from './inputs.js';
import { does, expectedOfSource, failure, okAnswer, tellOf, type ExpectedOfSource } from './source-model.js';
import { report, Transcript, type Ends } from './transcript.js';

const OK_BYTES = 11;

/** Conversations that sources may begin with. */
export function sourceInputs(random: Random): Inputs {
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
    { kind: 'truncateFile', entryNumber: does.truncationFailsAt },
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
    concat(0, 8, 11, 9, 10),
  ];
  return new Inputs(random, [...encoded, ...openings, ...openings, ...openings]);
}

class Conversation {
  readonly #session = new SourceSession(1n);
  readonly #random: Random;
  readonly #answers: Transcript;
  readonly #asked: number[] = [];
  /** What is asked for and not done yet. */
  readonly #waiting: (() => void)[] = [];
  #answered = 0;

  constructor(random: Random, answers: Transcript) {
    this.#random = random;
    this.#answers = answers;
  }

  hold(input: Uint8Array, inputs: Inputs): ExpectedOfSource {
    for (let at = 0; at < input.length;) {
      const end = inputs.chunkEnd(at, input.length);
      this.#session.receive(input.subarray(at, end));
      for (let action = this.#session.next(); action; action = this.#session.next())
        this.#ask(action.message, action.ticket);
      if (this.#random.chance(0.5)) this.#do();
      at = end;
    }
    do this.#do();
    while (this.#waiting.length > 0);
    return { state: this.#state, asked: this.#asked };
  }

  get #state(): ExpectedOfSource['state'] {
    if (this.#session.closed) return 'closed';
    if (this.#session.operationOpen) return 'operation';
    return this.#session.opened ? 'open' : 'new';
  }

  #ask(message: SourceMessageRun, ticket: number): void {
    switch (message.kind) {
      case 'openSource': {
        const { protocolVersion, systemId, epoch, token } = message;
        this.#asked.push(256, Number(protocolVersion), Number(systemId), Number(epoch));
        this.#asked.push(...tellOf(token, 0, token.length));
        if (does.token(token)) this.#session.open(ticket, okAnswer(this.#answered++).subarray(OK_BYTES));
        else this.#session.fail(result(ResultCode.unauthorized), ticket);
        return;
      }
      case 'startAtomicOp':
        this.#asked.push(257, Number(message.expectedEntry));
        return;
      case 'additions':
        takeAdditions(message, {
          takeEntry: (type, bytes, from, to) => this.#asked.push(258, type, ...tellOf(bytes, from, to)),
          takeBookmark: (bytes, from, to) => this.#asked.push(259, ...tellOf(bytes, from, to)),
        });
        return;
      case 'truncateFile':
        this.#asked.push(262, Number(message.entryNumber));
        if (message.entryNumber === does.truncationFailsAt) {
          this.#answered++;
          this.#later(() => {
            this.#session.answer(ticket, { refusal: result(does.truncationFailure) });
          });
          return;
        }
        break;
      case 'updateEntryData': {
        const { entryNumber, entryType, data } = message;
        this.#asked.push(263, Number(entryNumber), entryType, ...tellOf(data, 0, data.length));
        break;
      }
      default:
        this.#asked.push({ commitAtomicOp: 260, rollbackAtomicOp: 261, header: 264 }[message.kind]);
    }
    const header = okAnswer(this.#answered++).subarray(OK_BYTES);
    this.#later(() => {
      this.#session.answer(ticket, { header });
    });
  }

  #later(answer: () => void): void {
    this.#waiting.push(answer);
  }

  /** Does one thing that waits, if any does, and sends what can be sent then. */
  #do(): void {
    this.#waiting.splice(this.#random.integer(0, this.#waiting.length - 1), 1)[0]?.();
    const output = this.#session.takeOutput();
    if (output) this.#answers.add(withoutTexts(output));
  }
}

/** Answers as the model has them. */
function withoutTexts(output: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  const view = new DataView(output.buffer, output.byteOffset, output.length);
  for (let at = 0; at < output.length;) {
    const length = view.getUint32(at + 1);
    const isFailure = output[at] === 0xff && view.getUint32(at + 5) > 0;
    parts.push(isFailure ? failure(view.getUint32(at + 5)) : output.subarray(at, at + length));
    at += length;
  }
  return Buffer.concat(parts);
}

/** Tries so many conversations; throws at the first that does not go as it has to. */
export function fuzzSources(count: number): Ends {
  const random = new Random();
  const inputs = sourceInputs(random);
  const [actual, expected] = [new Transcript(), new Transcript()];
  const ends = { new: 0, open: 0, operation: 0, closed: 0 };
  for (let nth = 0; nth < count; nth++) {
    const input = inputs.next();
    actual.clear();
    expected.clear();
    const wanted = expectedOfSource(input, expected);
    const got = new Conversation(random, actual).hold(input, inputs);
    const isSame =
      got.state === wanted.state &&
      sameNumbers(got.asked, wanted.asked) &&
      actual.bytes.equals(expected.bytes);
    if (!isSame) {
      const told = (end: ExpectedOfSource, { bytes }: Transcript): object => ({
        ...end,
        sent: bytes.toString('hex'),
      });
      report(input, seed, told(got, actual), told(wanted, expected));
    }
    ends[got.state]++;
  }
  return ends;
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((number, nth) => number === b[nth]);
}
