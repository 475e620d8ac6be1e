/**
 * The conversation between a client and a server, as one table: state x command -> answer, next state.
 *
 * It takes no side. A server's session looks up what to answer, a client's session what to expect, and the
 * documentation's table is printed from it.
 */
import type { ClientCommand } from './client-commands.js';
import { ResultCode } from './result.js';

/** Where a connection stands between two commands. */
export type ConversationState = 'stopped' | 'streaming' | 'closed';

/** What one command leads to in one state. */
export interface Transition {
  /** What follows a Result OK: nothing, one header entry, one answer entry or the stream; or `refused`: never OK. */
  readonly answer: 'nothing' | 'header' | 'entry' | 'stream' | 'refused';
  /** The state after an OK; after a refusal where `answer` is `refused`. */
  readonly next: ConversationState;
  /** Error number of the refusal that this command can meet here. */
  readonly refusal?: number;
  /** Whether that refusal closes a connection on which the command could have succeeded; else it leaves it stopped. */
  readonly closes?: boolean;
}

const startedAlready: Transition = { answer: 'refused', next: 'closed', refusal: ResultCode.alreadyStarted };

/**
 * The conversation of the client-server protocol. An invalid command, in either state, is refused with 9 and closes. A
 * server that asks for a token refuses all but Authenticate with 33, and closes, until it was shown the right one.
 */
export const conversation: Readonly<
  Record<Exclude<ConversationState, 'closed'>, Readonly<Record<ClientCommand['kind'], Transition>>>
> = {
  stopped: {
    start: { answer: 'stream', next: 'streaming', refusal: ResultCode.badFromEntry },
    startBookmark: { answer: 'stream', next: 'streaming', refusal: ResultCode.badFromBookmark },
    stop: { answer: 'refused', next: 'closed', refusal: ResultCode.alreadyStopped },
    header: { answer: 'header', next: 'stopped' },
    entry: { answer: 'entry', next: 'stopped' },
    bookmark: { answer: 'entry', next: 'stopped' },
    authenticate: { answer: 'nothing', next: 'stopped', refusal: ResultCode.unauthorized, closes: true },
  },
  streaming: {
    start: startedAlready,
    startBookmark: startedAlready,
    stop: { answer: 'nothing', next: 'stopped' },
    header: startedAlready,
    entry: startedAlready,
    bookmark: startedAlready,
    authenticate: startedAlready,
  },
};
