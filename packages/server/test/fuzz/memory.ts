// What a server holds on to, seen from outside: the memory that is still in use when everything that nobody holds was
// collected. It is looked at over so many conversations that a pointer kept for each of them would show.
import { encodeCommand, encodeSourceMessage, type SourceMessage } from '@ds/codec';
import { Random } from '@ds/test-kit';

import { ClientSession } from '../../src/clients/client-session.js';
import { SourceSession } from '../../src/sources/source-session.js';
import { answerTo, clientInputs } from './clients.js';
import type { Inputs } from './inputs.js';
import { PassingPeers } from './passing-peers.js';
import { okAnswer } from './source-model.js';
import { sourceInputs } from './sources.js';

const MESSAGES = 20_000;
const SESSIONS = 300;
const CONNECTIONS = 2_000;
/** What is kept for a message that was answered: less than a pointer, even if not all of them are kept. */
const MESSAGE_BYTES_MAX = 1;
/** What a session costs that holds no byte, or a few. */
const SESSION_BYTES_MAX = 2 << 10;
/** What is kept for a connection that is gone: less than its address in a map. */
const CONNECTION_BYTES_MAX = 32;
/** Rounds after which all that is kept for good is there: code, shapes of objects, pages. */
const WARM_UP_ROUNDS = 2;
const ROUNDS = 4;

/** Memory that is still in use once what was let go is gone. Needs `--expose-gc`. */
async function heldBytes(): Promise<number> {
  for (let before = Infinity; ;) {
    // What was destroyed is let go in the turns of the event loop that follow.
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    global.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    const now = heapUsed + external;
    if (now >= before) return now;
    before = now;
  }
}

/**
 * Throws if a round leaves more behind than that. Several are looked at together, since what grows does so in steps; and once
 * more if it seems too much, as others allocate now and then.
 */
async function expectKept(bytesMax: number, what: string, round: () => void | Promise<void>): Promise<void> {
  for (let warm = 0; warm < WARM_UP_ROUNDS; warm++) await round();
  let least = Infinity;
  for (let attempt = 0; attempt < 2 && least > bytesMax; attempt++) {
    const before = await heldBytes();
    for (let nth = 0; nth < ROUNDS; nth++) await round();
    least = Math.min(least, ((await heldBytes()) - before) / ROUNDS);
  }
  if (least > bytesMax) throw new Error(`${what}: ${least} bytes are kept, more than ${bytesMax}`);
}

/** A session that takes what comes, answers it, and gives its answers away. */
interface Conversation {
  take(chunk: Uint8Array): void;
}

function clientConversation(): Conversation {
  const session = new ClientSession(1n);
  return {
    take(chunk) {
      session.receive(chunk);
      for (let query = session.next(); query; query = session.next()) session.answer(answerTo(query));
      session.takeOutput();
    },
  };
}

function sourceConversation(): Conversation {
  const session = new SourceSession(1n);
  const header = okAnswer(0).subarray(11);
  return {
    take(chunk) {
      session.receive(chunk);
      for (let action = session.next(); action; action = session.next()) {
        const { message, ticket } = action;
        if (message.kind === 'openSource') session.open(ticket, header);
        else session.answer(ticket, { header });
      }
      session.takeOutput();
    },
  };
}

/** A message of each kind that neither fails nor leaves a state behind. */
const clientRound = Buffer.concat([
  encodeCommand({ kind: 'start', fromEntry: 0n }, 1n),
  encodeCommand({ kind: 'stop' }, 1n),
  encodeCommand({ kind: 'header' }, 1n),
  encodeCommand({ kind: 'entry', entryNumber: 1n }, 1n),
  encodeCommand({ kind: 'bookmark', bookmark: new Uint8Array(16) }, 1n),
  encodeCommand({ kind: 'start', fromEntry: 6n }, 1n),
]);

const opening = encodeSourceMessage(
  { kind: 'openSource', protocolVersion: 1n, systemId: 137n, epoch: 1n, token: Uint8Array.of(7, 7) },
  1n,
);
const sourceRound = Buffer.concat(
  (
    [
      { kind: 'startAtomicOp', expectedEntry: 5n },
      { kind: 'addStreamEntry', entryType: 1, data: new Uint8Array(100) },
      { kind: 'addStreamBookmark', bookmark: new Uint8Array(16) },
      { kind: 'commitAtomicOp' },
      { kind: 'updateEntryData', entryNumber: 1n, entryType: 1, data: new Uint8Array(100) },
      { kind: 'header' },
    ] satisfies SourceMessage[]
  ).map((message) => encodeSourceMessage(message, 1n)),
);

/** Many messages, in chunks that are memory of their own each, as a socket's are. */
function converse(conversation: Conversation, round: Uint8Array, inputs: Inputs): void {
  for (let messages = 0; messages < MESSAGES; messages += 6) {
    for (let at = 0; at < round.length;) {
      const end = inputs.chunkEnd(at, round.length);
      conversation.take(round.slice(at, end));
      at = end;
    }
  }
}

/** A run of whole messages, as long as what a socket brings at once, and the beginning of one more. */
function fullChunk(round: Uint8Array, cut: Uint8Array): Uint8Array {
  const rounds = Array<Uint8Array>(Math.floor((64 << 10) / round.length)).fill(round);
  return new Uint8Array(Buffer.concat([...rounds, cut]));
}

/** The most that a message can declare, and little of it. */
const largeEntry = encodeSourceMessage(
  { kind: 'addStreamEntry', entryType: 1, data: new Uint8Array(1_048_559) },
  1n,
).slice(0, 40);

/** Throws if a session that goes on and on holds more and more. */
export async function checkLongConversations(): Promise<void> {
  const inputs = clientInputs(new Random());
  const client = clientConversation();
  await expectKept(MESSAGE_BYTES_MAX * MESSAGES, 'of commands that were answered', () => {
    converse(client, clientRound, inputs);
  });
  const source = sourceConversation();
  source.take(opening);
  await expectKept(MESSAGE_BYTES_MAX * MESSAGES, 'of messages that were answered', () => {
    converse(source, sourceRound, inputs);
  });
}

/** Throws if sessions hold too much that were sent something, much or little, and then nothing more. */
export async function checkQuietPeers(): Promise<void> {
  const random = new Random();
  const inputs = { client: clientInputs(random), source: sourceInputs(random) };
  const clientChunks = [new Uint8Array(0), clientRound.subarray(0, 7)].map((cut) =>
    fullChunk(clientRound, cut),
  );
  const sourceChunks = [new Uint8Array(0), largeEntry].map((cut) => fullChunk(sourceRound, cut));
  const quiet: Conversation[] = [];
  const add = (conversation: Conversation, ...chunks: readonly Uint8Array[]): void => {
    for (const chunk of chunks) conversation.take(chunk.slice());
    quiet.push(conversation);
  };
  await expectKept(SESSION_BYTES_MAX * SESSIONS, `by ${SESSIONS} sessions with quiet peers`, () => {
    const end = quiet.length + SESSIONS;
    while (quiet.length < end) {
      for (const chunk of clientChunks) add(clientConversation(), chunk);
      for (const chunk of sourceChunks) add(sourceConversation(), opening, chunk);
      add(clientConversation(), inputs.client.next());
      add(sourceConversation(), inputs.source.next());
    }
  });
}

/** Throws if a server holds anything of connections that are gone. */
export async function checkPassingPeers(): Promise<void> {
  await using peers = await PassingPeers.open();
  await expectKept(CONNECTION_BYTES_MAX * CONNECTIONS, 'of connections that are gone', () =>
    peers.pass(CONNECTIONS),
  );
}
