/**
 * The server's side of a conversation with one client, free of I/O: bytes in, queries out; answers in, bytes out.
 *
 * One query is in flight at a time, so answers keep the order of their commands. What each command leads to in each
 * state stands in the codec's table of the conversation.
 */
import {
  ANSWER_PACKET,
  clientCommands,
  CodecError,
  conversation,
  encodeHeader,
  encodeNotFound,
  encodeResult,
  FrameDecoder,
  result,
  ResultCode,
  type ClientCommand,
  type ConversationState,
  type Header,
  type Result,
} from '@ds/codec';

import { concat } from '../concat.js';

/** What the session needs to know to answer a command. */
export type ClientQuery = Exclude<ClientCommand, { kind: 'stop' }>;

/** What a query has found. */
export type ClientAnswer =
  | { readonly kind: 'header'; readonly header: Header }
  /** An entry's bytes as they stand in the file, or undefined if there is none. */
  | { readonly kind: 'entry'; readonly bytes: Uint8Array | undefined }
  /** Whether there is such a place to start from. */
  | { readonly kind: 'start'; readonly found: boolean }
  /** Whether the token is one that lets in. */
  | { readonly kind: 'authenticate'; readonly letsIn: boolean }
  /** The answer cannot be given: the result is sent, and the connection closed. */
  | { readonly kind: 'failure'; readonly result: Result };

const OK = encodeResult(result(ResultCode.ok));

export class ClientSession {
  readonly #decoder: FrameDecoder<ClientCommand>;
  readonly #output: Uint8Array[] = [];
  #outputBytes = 0;
  #state: ConversationState = 'stopped';
  #query: ClientQuery | undefined;
  #commands = 0;
  #refusal: Result | undefined;
  /** Whether a token must be shown before anything else. */
  #locked: boolean;

  /** Told the number of each error that is answered. */
  readonly #rejected: (code: number) => void;

  constructor(
    streamType: bigint,
    {
      asksForToken = false,
      rejected = () => undefined,
    }: { readonly asksForToken?: boolean; readonly rejected?: (code: number) => void } = {},
  ) {
    this.#rejected = rejected;
    this.#locked = asksForToken;
    this.#decoder = new FrameDecoder(clientCommands(streamType));
  }

  get state(): ConversationState {
    return this.#state;
  }

  /** Commands taken so far. */
  get commands(): number {
    return this.#commands;
  }

  /** Whether the start of a command has arrived and its end has not. */
  get midCommand(): boolean {
    return this.#query === undefined && this.#decoder.bufferedBytes > 0;
  }

  /** The result that has closed the conversation, if one has. */
  get refusal(): Result | undefined {
    return this.#refusal;
  }

  /** Adds bytes from the client. Call `next` until it gives nothing before adding more. */
  receive(chunk: Uint8Array): void {
    if (this.#state !== 'closed') this.#decoder.push(chunk);
  }

  /** The next query, once the last one is answered; undefined when more bytes must come first. */
  next(): ClientQuery | undefined {
    while (this.#state !== 'closed' && this.#query === undefined) {
      const command = this.#nextCommand();
      if (!command) return undefined;
      this.#commands++;
      const transition = conversation[this.#state][command.kind];
      if (this.#locked && command.kind !== 'authenticate') {
        this.close(result(ResultCode.unauthorized));
      } else if (transition.answer === 'refused') {
        this.close(result(transition.refusal ?? ResultCode.invalidCommand));
      } else if (command.kind === 'stop') {
        this.#put(OK);
        this.#state = transition.next;
      } else {
        this.#query = command;
        return command;
      }
    }
    return undefined;
  }

  /** Answers the query in flight. */
  answer(answer: ClientAnswer): void {
    const query = this.#query;
    this.#query = undefined;
    if (this.#state === 'closed' || !query) return;
    const transition = conversation[this.#state][query.kind];
    switch (answer.kind) {
      case 'header':
        this.#put(OK, encodeHeader(answer.header));
        break;
      case 'entry':
        this.#put(OK, answer.bytes ? answerBytes(answer.bytes) : encodeNotFound());
        break;
      case 'start':
        if (!answer.found) {
          const refusal = result(transition.refusal ?? ResultCode.invalidCommand);
          this.#rejected(refusal.code);
          this.#put(encodeResult(refusal));
          return;
        }
        this.#put(OK);
        break;
      case 'authenticate':
        if (!answer.letsIn) {
          this.close(result(transition.refusal ?? ResultCode.unauthorized));
          return;
        }
        this.#locked = false;
        this.#put(OK);
        break;
      case 'failure':
        this.close(answer.result);
        return;
    }
    this.#state = transition.next;
  }

  /** Sends a last result and ends the conversation. */
  close(refusal: Result): void {
    if (this.#state === 'closed') return;
    this.#refusal = refusal;
    this.#rejected(refusal.code);
    this.#put(encodeResult(refusal));
    this.#state = 'closed';
  }

  /** Bytes that `takeOutput` would give. */
  get outputBytes(): number {
    return this.#outputBytes;
  }

  /** Bytes to be sent, in order; undefined when there are none. */
  takeOutput(): Uint8Array | undefined {
    if (this.#output.length === 0) return undefined;
    const bytes = this.#output.length === 1 ? this.#output[0]! : concat(this.#output);
    this.#output.length = 0;
    this.#outputBytes = 0;
    return bytes;
  }

  #put(...parts: readonly Uint8Array[]): void {
    this.#output.push(...parts);
    for (const part of parts) this.#outputBytes += part.length;
  }

  #nextCommand(): ClientCommand | undefined {
    try {
      return this.#decoder.next();
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.close(result(error.code === 'token-length' ? ResultCode.unauthorized : ResultCode.invalidCommand));
      return undefined;
    }
  }
}

/** An entry of the file as the answer to a query: a copy with another packet type. */
function answerBytes(entry: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(entry);
  bytes[0] = ANSWER_PACKET;
  return bytes;
}
