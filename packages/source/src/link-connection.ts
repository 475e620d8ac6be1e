/**
 * One connection to a server: sends requests ahead of their answers, and lives until it fails.
 *
 * Operations are pipelined. A truncation or an update goes alone, when all before it is acknowledged: so after a lost
 * connection the server's number of entries tells what has arrived.
 */
import { connect, type Socket } from 'node:net';

import {
  encodeSourceMessage,
  ResultCode,
  SOURCE_PROTOCOL_VERSION,
  type Header,
  type Result,
} from '@ds/codec';

import { SourceError } from './errors.js';
import type { ServerAddress } from './options.js';
import type { Request, RequestLog } from './request-log.js';
import { SourceSession, type Outcome } from './source-session.js';

/** Who opens a connection, and how long it waits. */
export interface LinkConnectionOptions {
  readonly systemId: bigint;
  readonly streamType: bigint;
  readonly epoch: bigint;
  readonly token: Uint8Array;
  readonly connectMs: number;
  readonly answerMs: number;
}

/** Bytes handed to the socket ahead of what the server has taken. */
const SEND_BYTES_MAX = 1 << 20;
/** A large request goes out in pieces, so that it is seen how it gets on. */
const PIECE_BYTES_MAX = 256 << 10;

export interface LinkConnectionOwner {
  log(): RequestLog | undefined;
  /** The first bytes of a request go out. */
  sending(number: number): void;
  /** All requests before `next` are acknowledged. */
  acknowledge(next: number): void;
  refused(request: Request, error: SourceError): void;
}

type AwaitedAnswer =
  | { readonly kind: 'request'; readonly number: number }
  | { readonly kind: 'header'; resolve(header: Header): void; reject(error: SourceError): void };

/** One connection to a server. */
export class LinkConnection {
  /** Rejects when the connection cannot be used any more. */
  readonly failed: Promise<never>;
  readonly #server: string;
  readonly #options: LinkConnectionOptions;
  readonly #owner: LinkConnectionOwner;
  readonly #socket: Socket;
  readonly #session = new SourceSession();
  readonly #awaited: AwaitedAnswer[] = [];
  #reject: (error: SourceError) => void = () => undefined;
  #failure: SourceError | undefined;
  /** The request to be sent next; undefined while none may be sent. */
  #next: number | undefined;
  /** What is left to be sent of the message that is being sent. */
  #rest: Uint8Array | undefined;
  /** Header messages to be sent between requests. */
  readonly #questions: { readonly message: Uint8Array; readonly answer: AwaitedAnswer }[] = [];
  /** A truncation or an update is under way: nothing else may be. */
  #alone = false;
  /** The request behind those that were acknowledged by what is being received. */
  #acknowledged: number | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(
    server: string,
    address: ServerAddress,
    options: LinkConnectionOptions,
    owner: LinkConnectionOwner,
  ) {
    this.#server = server;
    this.#options = options;
    this.#owner = owner;
    this.failed = new Promise<never>((_, reject) => (this.#reject = reject));
    this.failed.catch(() => undefined);
    this.#socket = connect({ ...address, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
    this.#socket.on('data', (chunk) => {
      this.#receive(chunk);
    });
    this.#socket.on('error', (cause) => {
      this.fail(new SourceError('disconnected', `${server}: ${cause.message}`, { cause }));
    });
    this.#socket.on('close', () => {
      this.fail(new SourceError('disconnected', `${server}: the server has ended the connection`));
    });
  }

  get ready(): boolean {
    return this.#next !== undefined && !this.#failure;
  }

  /** Connects and shows who this is; resolves with what the server has committed. */
  async open(): Promise<Header> {
    const { connectMs, systemId, epoch, token } = this.#options;
    const timer = setTimeout(() => {
      this.fail(new SourceError('timeout', `${this.#server}: no connection in ${connectMs} ms`));
    }, connectMs);
    const connected = new Promise<void>((resolve) => this.#socket.once('connect', resolve));
    await Promise.race([connected, this.failed]).finally(() => {
      clearTimeout(timer);
    });
    const protocolVersion = SOURCE_PROTOCOL_VERSION;
    return this.#ask(
      encodeSourceMessage(
        { kind: 'openSource', protocolVersion, systemId, epoch, token },
        this.#options.streamType,
      ),
    );
  }

  askHeader(): Promise<Header> {
    return this.#ask(encodeSourceMessage({ kind: 'header' }, this.#options.streamType));
  }

  /** Sends requests from `number` on, now and as they come. */
  feedFrom(number: number): void {
    this.#next = number;
    this.send();
  }

  send(): void {
    if (this.#failure) return;
    this.#socket.cork();
    while (this.#socket.writableLength < SEND_BYTES_MAX) {
      this.#rest ??= this.#nextMessage();
      if (!this.#rest) break;
      const piece = this.#rest.subarray(0, PIECE_BYTES_MAX);
      this.#rest = piece.length < this.#rest.length ? this.#rest.subarray(piece.length) : undefined;
      this.#socket.write(piece, this.#onTaken);
    }
    this.#socket.uncork();
  }

  #nextMessage(): Uint8Array | undefined {
    const question = this.#questions.shift();
    if (question) {
      this.#await(question.answer);
      return question.message;
    }
    if (this.#next === undefined || this.#alone) return undefined;
    const request = this.#owner.log()?.at(this.#next);
    if (!request) return undefined;
    if (request.kind !== 'operation') {
      if (this.#awaited.length > 0) return undefined;
      this.#alone = true;
    }
    this.#owner.sending(this.#next);
    this.#await({ kind: 'request', number: this.#next });
    this.#next++;
    return request.bytes;
  }

  fail(error: SourceError): void {
    if (this.#failure) return;
    this.#failure = error;
    clearTimeout(this.#deadline);
    this.#socket.destroy();
    const unanswered = [...this.#awaited.splice(0), ...this.#questions.splice(0).map(({ answer }) => answer)];
    for (const awaited of unanswered) if (awaited.kind === 'header') awaited.reject(error);
    this.#reject(error);
  }

  readonly #onTaken = (error?: Error | null): void => {
    if (error || this.#failure) return;
    // A large request takes its time; what is sent behind it does not prolong the wait for its answer.
    if (this.#awaited.length === 1) this.#restartDeadline();
    this.send();
  };

  #ask(message: Uint8Array): Promise<Header> {
    return new Promise((resolve, reject) => {
      if (this.#failure) throw this.#failure;
      this.#questions.push({ message, answer: { kind: 'header', resolve, reject } });
      this.send();
    });
  }

  #await(answer: AwaitedAnswer): void {
    this.#awaited.push(answer);
    if (this.#awaited.length === 1) this.#restartDeadline();
  }

  #restartDeadline(): void {
    clearTimeout(this.#deadline);
    if (this.#awaited.length === 0) return;
    const { answerMs } = this.#options;
    this.#deadline = setTimeout(() => {
      this.fail(new SourceError('timeout', `${this.#server}: no answer in ${answerMs} ms`));
    }, answerMs);
  }

  #receive(chunk: Uint8Array): void {
    try {
      this.#session.receive(chunk);
      for (let outcome = this.#session.next(); outcome; outcome = this.#session.next()) this.#take(outcome);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      this.fail(new SourceError(error.code, `${this.#server}: ${error.message}`, { cause: error }));
    }
    // Acknowledgements that come together are passed on together.
    const acknowledged = this.#acknowledged;
    this.#acknowledged = undefined;
    if (acknowledged !== undefined) this.#owner.acknowledge(acknowledged);
    if (this.#failure) return;
    this.#restartDeadline();
    this.send();
  }

  #take(outcome: Outcome): void {
    if (this.#failure) return;
    const awaited = this.#awaited.shift();
    if (outcome.kind === 'ok') this.#takeHeader(awaited, outcome.header);
    else this.#takeRefusal(awaited, refusal(this.#server, outcome.result));
  }

  #takeHeader(awaited: AwaitedAnswer | undefined, header: Header): void {
    if (!awaited) throw new SourceError('protocol', 'the server answers what nobody has asked');
    if (awaited.kind === 'header') {
      awaited.resolve(header);
      return;
    }
    const request = this.#owner.log()?.at(awaited.number);
    if (request && !isDone(request, header)) {
      const entries = `${header.totalEntries} entries where the stream has ${request.entriesAfter}`;
      throw new SourceError('protocol', `the server acknowledges ${article[request.kind]} with ${entries}`);
    }
    this.#requestDone(awaited.number);
  }

  #takeRefusal(awaited: AwaitedAnswer | undefined, error: SourceError): void {
    if (awaited?.kind === 'header') awaited.reject(error);
    const request = awaited?.kind === 'request' ? this.#owner.log()?.at(awaited.number) : undefined;
    if (awaited?.kind !== 'request' || request?.kind !== 'update' || !isAboutUpdate(error)) {
      this.fail(error);
      return;
    }
    this.#owner.refused(request, error);
    this.#requestDone(awaited.number);
  }

  #requestDone(number: number): void {
    this.#alone = false;
    this.#acknowledged = number + 1;
  }
}

const article = { operation: 'an operation', truncation: 'a truncation', update: 'an update' } as const;

/** Whether a server with this header can have done a request; operations behind it may be in too. */
function isDone({ kind, entriesAfter }: Request, { totalEntries }: Header): boolean {
  return kind === 'truncation' ? totalEntries === entriesAfter : totalEntries >= entriesAfter;
}

function refusal(server: string, { code, text }: Result): SourceError {
  const kind = code === ResultCode.epochFenced ? 'fenced' : 'refused';
  return new SourceError(kind, `${server}: the server refuses: ${text} (${code})`, {
    result: { code, text },
  });
}

/** Whether a refusal is about an update itself, so that every server gives it, and the stream stays what it was. */
function isAboutUpdate({ result }: SourceError): boolean {
  return (
    result?.code === ResultCode.entryNotFound ||
    result?.code === ResultCode.updateMismatch ||
    result?.code === ResultCode.badEntryType
  );
}
