/**
 * The server's side of a conversation with one source, free of I/O: bytes in, actions out; outcomes in, bytes out.
 *
 * A source pipelines, so several actions can be under way. Answers are sent in the order of their messages, whatever
 * order the outcomes come in; a failure of a message that has no answer of its own takes its place in that order, and is
 * the last thing that is sent.
 */
import {
  CodecError,
  encodeResult,
  FrameDecoder,
  result,
  ResultCode,
  sourceMessageRuns,
  type Result,
  type SourceMessageRun,
} from '@ds/codec';

import { concat } from '../concat.js';

/** A message that has passed the rules of the conversation, and the place of its answer, if it has one. */
export interface SourceAction {
  readonly message: SourceMessageRun;
  /** To be given to `answer`; `NO_ANSWER` for messages that have none. */
  readonly ticket: number;
}

/** Ticket of a message that is not answered. */
const NO_ANSWER = -1;

type State = 'new' | 'open' | 'operation' | 'closed';

const OK = encodeResult(result(ResultCode.ok));

const codecErrorResults: Partial<Record<CodecError['code'], number>> = {
  'entry-too-large': ResultCode.entryTooLarge,
  'bookmark-length': ResultCode.badBookmark,
  'token-length': ResultCode.unauthorized,
};

export class SourceSession {
  readonly #decoder: FrameDecoder<SourceMessageRun>;
  #state: State = 'new';
  /** Answers by ticket, oldest first: bytes, what gives the header of an OK, or undefined while the outcome is awaited. */
  readonly #answers = new Map<number, Uint8Array | (() => Uint8Array) | undefined>();
  #nextTicket = 0;
  #refusal: Result | undefined;
  /** The OK that was made last, and the header in it. */
  #ok: Uint8Array = OK;
  #okHeader: Uint8Array | undefined;

  /** Told the number of each error that is answered. */
  readonly #rejected: (code: number) => void;

  constructor(streamType: bigint, rejected: (code: number) => void = () => undefined) {
    this.#rejected = rejected;
    this.#decoder = new FrameDecoder(sourceMessageRuns(streamType));
  }

  /** Whether the source may go on; if not, the connection ends once all output is sent. */
  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** Whether an operation of this source is open. */
  get operationOpen(): boolean {
    return this.#state === 'operation';
  }

  /** Whether answers are still awaited. */
  get answersPending(): boolean {
    return this.#answers.size > 0;
  }

  /** Whether the source has been let in. */
  get opened(): boolean {
    return this.#state === 'open' || this.#state === 'operation';
  }

  /** The result that has closed the conversation, if one has. */
  get refusal(): Result | undefined {
    return this.#refusal;
  }

  /** Adds bytes from the source. Call `next` until it gives nothing before adding more. */
  receive(chunk: Uint8Array): void {
    if (!this.closed) this.#decoder.push(chunk);
  }

  /** The next action; undefined when more bytes must come first. */
  next(): SourceAction | undefined {
    if (this.closed) return undefined;
    let message: SourceMessageRun | undefined;
    try {
      message = this.#decoder.next();
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.fail(result(codecErrorResults[error.code] ?? ResultCode.invalidCommand, error.message));
      return undefined;
    }
    return message && this.#accept(message);
  }

  /**
   * Gives an action's outcome: OK with the committed header, or a refusal that leaves the conversation as it is. `headerThen`
   * gives the header when the answer can be sent: that of an action whose outcome is known before that of those before it.
   */
  answer(
    ticket: number,
    answer:
      | { readonly header: Uint8Array }
      | { readonly headerThen: () => Uint8Array }
      | { readonly refusal: Result },
  ): void {
    if (!this.#answers.has(ticket)) return;
    if ('refusal' in answer) this.#rejected(answer.refusal.code);
    this.#answers.set(
      ticket,
      'headerThen' in answer
        ? answer.headerThen
        : 'header' in answer
          ? this.#okAnswer(answer.header)
          : encodeResult(answer.refusal),
    );
  }

  /** The source was let in. */
  open(ticket: number, header: Uint8Array): void {
    if (this.closed) return;
    this.#state = 'open';
    this.answer(ticket, { header });
  }

  /** Ends the conversation with a result, behind the answers that are still awaited. */
  fail(refusal: Result, ticket = this.#nextTicket++): void {
    if (this.closed) return;
    this.#refusal = refusal;
    this.#rejected(refusal.code);
    this.#answers.set(ticket, encodeResult(refusal));
    this.#state = 'closed';
  }

  /** Bytes that can be sent now, in order: as many answers as are known without a gap. */
  takeOutput(): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    for (const [ticket, answer] of this.#answers) {
      if (!answer) break;
      parts.push(typeof answer === 'function' ? this.#okAnswer(answer()) : answer);
      this.#answers.delete(ticket);
    }
    if (parts.length < 2) return parts[0];
    return concat(parts);
  }

  /** Commits of one group are answered with the same header, and so with the same bytes. */
  #okAnswer(header: Uint8Array): Uint8Array {
    if (header !== this.#okHeader) {
      this.#okHeader = header;
      this.#ok = concat([OK, header]);
    }
    return this.#ok;
  }

  #accept(message: SourceMessageRun): SourceAction | undefined {
    const refusal = this.#refusalOf(message);
    if (refusal !== undefined) {
      this.fail(result(refusal));
      return undefined;
    }
    switch (message.kind) {
      case 'startAtomicOp':
        this.#state = 'operation';
        return { message, ticket: NO_ANSWER };
      case 'additions':
        return { message, ticket: NO_ANSWER };
      case 'commitAtomicOp':
      case 'rollbackAtomicOp':
        this.#state = 'open';
        break;
      default:
        break;
    }
    const ticket = this.#nextTicket++;
    this.#answers.set(ticket, undefined);
    return { message, ticket };
  }

  /** Error number of a message that has no place here. */
  #refusalOf({ kind }: SourceMessageRun): number | undefined {
    if (this.#state === 'new') return kind === 'openSource' ? undefined : ResultCode.notOpen;
    switch (kind) {
      case 'openSource':
        return ResultCode.invalidCommand;
      case 'header':
        return undefined;
      case 'startAtomicOp':
      case 'truncateFile':
      case 'updateEntryData':
        return this.#state === 'operation' ? ResultCode.operationOpen : undefined;
      default:
        return this.#state === 'operation' ? undefined : ResultCode.noOperation;
    }
  }
}
