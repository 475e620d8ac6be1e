// Conversations of a client with a session of the server's, each held against the model.
import { encodeCommand, result, ResultCode, type ClientCommand } from '@ds/codec';
import { Random, seed } from '@ds/test-kit';

import { ClientSession, type ClientAnswer, type ClientQuery } from '../../src/clients/client-session.js';
import { expectedOfClient, finds, streamed, type Expected } from './client-model.js';
import { Inputs } from './inputs.js';
import { report, Transcript, type Ends } from './transcript.js';

const header = { version: 1, systemId: 137n, streamType: 1n, totalLength: 0x1041n, totalEntries: 3n };

const commands: readonly ClientCommand[] = [
  { kind: 'start', fromEntry: 0n },
  { kind: 'start', fromEntry: 6n },
  { kind: 'stop' },
  { kind: 'stop' },
  { kind: 'header' },
  { kind: 'entry', entryNumber: 1n },
  { kind: 'entry', entryNumber: 2n ** 64n - 1n },
  { kind: 'startBookmark', bookmark: Uint8Array.of(1, 2) },
  { kind: 'startBookmark', bookmark: new Uint8Array(15) },
  { kind: 'bookmark', bookmark: new Uint8Array(16).fill(9) },
  { kind: 'bookmark', bookmark: Uint8Array.of(5) },
  { kind: 'authenticate', token: Uint8Array.of(1, 2, 3) },
];

/** Conversations that clients may begin with. */
export function clientInputs(random: Random): Inputs {
  const encoded = commands.map((command) => encodeCommand(command, 1n));
  const unlocking = Buffer.concat([encoded.at(-1)!, encoded[5]!, encoded[0]!]);
  return new Inputs(random, [...encoded, unlocking]);
}

/** Answers a query as the model does. */
export function answerTo(query: ClientQuery): ClientAnswer {
  switch (query.kind) {
    case 'start':
      return { kind: 'start', found: finds.start(query.fromEntry) };
    case 'startBookmark':
      return { kind: 'start', found: finds.bookmark(query.bookmark) };
    case 'entry': {
      const { entryNumber } = query;
      if (entryNumber === finds.failsAt) return { kind: 'failure', result: result(ResultCode.readFailed) };
      return { kind: 'entry', bytes: finds.entry(entryNumber) ? streamed(entryNumber) : undefined };
    }
    case 'bookmark': {
      const { bookmark } = query;
      return { kind: 'entry', bytes: finds.bookmark(bookmark) ? streamed(bookmark) : undefined };
    }
    case 'header':
      return { kind: 'header', header };
    case 'authenticate':
      return { kind: 'authenticate', letsIn: finds.token(query.token) };
  }
}

/** Gives a session the input in chunks; what it has been given is more than it may take once it is closed. */
function converse(session: ClientSession, input: Uint8Array, inputs: Inputs, answers: Transcript): Expected {
  const flush = (): void => {
    const output = session.takeOutput();
    if (output) answers.add(output);
  };
  for (let at = 0; at < input.length;) {
    const end = inputs.chunkEnd(at, input.length);
    session.receive(input.subarray(at, end));
    for (let query = session.next(); query; query = session.next()) {
      session.answer(answerTo(query));
      if (session.state !== 'streaming') continue;
      flush();
      if (query.kind === 'start') answers.add(streamed(query.fromEntry));
      if (query.kind === 'startBookmark') answers.add(streamed(query.bookmark));
    }
    flush();
    at = end;
  }
  return { state: session.state, midCommand: session.state !== 'closed' && session.midCommand };
}

/** Tries so many conversations; throws at the first that does not go as it has to. */
export function fuzzClients(count: number): Ends {
  const random = new Random();
  const inputs = clientInputs(random);
  const [actual, expected] = [new Transcript(), new Transcript()];
  const ends = { stopped: 0, streaming: 0, closed: 0 };
  for (let nth = 0; nth < count; nth++) {
    const input = inputs.next();
    const asksForToken = random.chance(0.2);
    actual.clear();
    expected.clear();
    const wanted = expectedOfClient(input, asksForToken, expected);
    const got = converse(new ClientSession(1n, { asksForToken }), input, inputs, actual);
    const isSame =
      got.state === wanted.state &&
      got.midCommand === wanted.midCommand &&
      actual.bytes.equals(expected.bytes);
    if (!isSame) {
      const told = (end: Expected, { bytes }: Transcript): object => ({
        ...end,
        sent: bytes.toString('hex'),
      });
      report(input, seed, told(got, actual), told(wanted, expected));
    }
    ends[got.state]++;
  }
  return ends;
}
