/**
 * One connection to a server: sends requests ahead of their answers, and lives until it fails.
 *
 * Operations are pipelined. A truncation or an update goes alone, when all before it is acknowledged: so after a lost
 * connection the server's number of entries tells what has arrived.
 */
import type { Duplex } from 'node:stream';

import {
  ENTRY_HEAD_BYTES,
  encodeSourceMessage,
  ResultCode,
  SOURCE_PROTOCOL_VERSION,
  type Header,
  type Result,
} from '@ds/codec';

import { SourceError } from '../errors.js';
import type { ServerAddress } from '../options.js';
import { adjoins } from '../requests/byte-arena.js';
import type { Request, RequestLog } from '../requests/request-log.js';
import { endedUnanswered, isReset, problemOf, type Dial } from './dial.js';
import { SourceSession, type Outcome } from './source-session.js';

/** Who opens a connection, and how long it waits. */
export interface LinkConnectionOptions {
  readonly systemId: bigint;
  readonly streamType: bigint;
  readonly epoch: bigint;
  readonly token: Uint8Array;
  readonly dial: Dial;
  /** Whether that speaks TLS. */
  readonly isTls: boolean;
  readonly connectMs: number;
  readonly answerMs: number;
}

/** Bytes handed to the socket ahead of what the server has taken. */
const SEND_BYTES_MAX = 1 << 20;
/** Bytes that are gathered before they are sent, if they come in one turn of the event loop. */
const GATHERED_BYTES_MAX = 64 << 10;
/** A large request goes out in pieces, so that it is seen how it gets on. */
const PIECE_BYTES_MAX = 256 << 10;

export interface LinkConnectionOwner {
  /** The first bytes of a request go out. */
  sending(number: number): void;
  /** All requests before `next` are acknowledged. */
  acknowledge(next: number): void;
  refused(request: Request, error: SourceError): void;
}

/** An OpenSource or Header message, which is answered by a header alone. */
interface Question {
  readonly message: Uint8Array;
  resolve(header: Header): void;
  reject(error: SourceError): void;
}

/** One connection to a server. */
export class LinkConnection {
  /** Rejects when the connection cannot be used any more. */
  readonly failed: Promise<never>;
  readonly #server: string;
  readonly #options: LinkConnectionOptions;
  readonly #owner: LinkConnectionOwner;
  readonly #socket: Duplex;
  readonly #connected: Promise<void>;
  #isConnected = false;
  /** Whether the server has ever said anything. */
  #isAnswered: boolean;
  readonly #session = new SourceSession();
  #reject: (error: SourceError) => void = () => undefined;
  #failure: SourceError | undefined;
  /** The requests to be answered and to be sent next. */
  #unanswered = 0;
  #next = 0;
  /** Where requests come from; undefined while none may be sent. */
  #log: RequestLog | undefined;
  /** What is left to be sent of the message that is being sent. */
  #rest: Uint8Array | undefined;
  /** Questions to be sent between requests, and those that are sent, each with the request that was sent behind it. */
  readonly #questions: Question[] = [];
  readonly #asked: { readonly question: Question; before: number }[] = [];
  /** A truncation or an update is under way: nothing else may be. */
  #alone = false;
  /** The request behind those that were acknowledged by what is being received. */
  #acknowledged: number | undefined;
  #deadline: NodeJS.Timeout | undefined;
  /** Bytes that have come since something was sent, and what will send them. */
  #unsentBytes = 0;
  #sending: NodeJS.Immediate | undefined;

  /** @param isKnown whether the server has let this source in before */
  constructor(
    server: string,
    address: ServerAddress,
    options: LinkConnectionOptions,
    owner: LinkConnectionOwner,
    isKnown: boolean,
  ) {
    this.#isAnswered = isKnown;
    this.#server = server;
    this.#options = options;
    this.#owner = owner;
    this.failed = new Promise<never>((_, reject) => (this.#reject = reject));
    this.failed.catch(() => undefined);
    let connected = (): void => undefined;
    this.#connected = new Promise((resolve) => {
      connected = () => {
        this.#isConnected = true;
        resolve();
      };
    });
    this.#socket = options.dial(address, connected);
    this.#socket.on('data', (chunk: Uint8Array) => {
      this.#receive(chunk);
    });
    this.#socket.on('error', (cause) => {
      const isUnanswered = this.#isConnected && !this.#isAnswered && isReset(cause);
      this.#lose(isUnanswered ? endedUnanswered(options.isTls) : problemOf(cause), cause);
    });
    this.#socket.on('close', () => {
      this.#lose(this.#isAnswered ? 'the server has ended the connection' : endedUnanswered(options.isTls));
    });
  }

  get ready(): boolean {
    return this.#log !== undefined && !this.#failure;
  }

  /** Connects and shows who this is; resolves with what the server has committed. */
  async open(): Promise<Header> {
    const { connectMs, systemId, epoch, token } = this.#options;
    const timer = setTimeout(() => {
      const message = `cannot connect to ${this.#server}: no connection in ${connectMs} ms`;
      this.fail(new SourceError('timeout', message));
    }, connectMs);
    await Promise.race([this.#connected, this.failed]).finally(() => {
      clearTimeout(timer);
    });
    const protocolVersion = SOURCE_PROTOCOL_VERSION;
    const header = await this.#ask(
      encodeSourceMessage(
        { kind: 'openSource', protocolVersion, systemId, epoch, token },
        this.#options.streamType,
      ),
    );
    const { totalEntries, totalLength } = header;
    if (totalLength >= totalEntries * BigInt(ENTRY_HEAD_BYTES)) return header;
    const claim = `${totalEntries} entries in ${totalLength} bytes`;
    throw new SourceError('protocol', `${this.#server}: the server claims to have ${claim}`);
  }

  askHeader(): Promise<Header> {
    return this.#ask(encodeSourceMessage({ kind: 'header' }, this.#options.streamType));
  }

  /** Sends a log's requests from `number` on, now and as they come. All that was sent before is answered. */
  feed(log: RequestLog, number: number): void {
    this.#log = log;
    this.#unanswered = number;
    this.#next = number;
    for (const asked of this.#asked) asked.before = number;
    this.send();
  }

  /** Sends what there is within this turn of the event loop, so that operations that are committed together go together. */
  sendSoon(bytes: number): void {
    this.#unsentBytes += bytes;
    if (this.#unsentBytes >= GATHERED_BYTES_MAX) this.send();
    else this.#sending ??= setImmediate(this.#sendGathered);
  }

  readonly #sendGathered = (): void => {
    this.#sending = undefined;
    this.send();
  };

  /** Sends what there is, as far as the socket takes it. */
  send(): void {
    // Node tells of a write that was under way when the socket was destroyed as if it was done.
    if (this.#failure || this.#socket.destroyed) return;
    this.#unsentBytes = 0;
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

  /** The next question, the next operations that stand side by side in memory, or a request that goes alone. */
  #nextMessage(): Uint8Array | undefined {
    const question = this.#questions.shift();
    if (question) {
      this.#await(() => this.#asked.push({ question, before: this.#next }));
      return question.message;
    }
    const log = this.#log;
    const request = this.#alone ? undefined : log?.at(this.#next);
    if (!log || !request) return undefined;
    if (request.kind !== 'operation') {
      if (this.#awaiting) return undefined;
      this.#alone = true;
    }
    let { length } = request.bytes;
    let count = 1;
    for (let last = request; last.kind === 'operation' && length < PIECE_BYTES_MAX; count++) {
      const following = log.at(this.#next + count);
      if (following?.kind !== 'operation' || !adjoins(last.bytes, following.bytes)) break;
      length += following.bytes.length;
      last = following;
    }
    this.#await(() => (this.#next += count));
    this.#owner.sending(this.#next - 1);
    return new Uint8Array(request.bytes.buffer, request.bytes.byteOffset, length);
  }

  /** The socket has ended, or was never connected. */
  #lose(problem: string, cause?: Error): void {
    const error = this.#isConnected
      ? new SourceError('disconnected', `${this.#server}: ${problem}`, { cause })
      : new SourceError('connect', `cannot connect to ${this.#server}: ${problem}`, { cause });
    this.fail(error);
  }

  fail(error: SourceError): void {
    if (this.#failure) return;
    this.#failure = error;
    clearTimeout(this.#deadline);
    clearImmediate(this.#sending);
    this.#socket.destroy();
    const unanswered = [
      ...this.#asked.splice(0).map(({ question }) => question),
      ...this.#questions.splice(0),
    ];
    for (const question of unanswered) question.reject(error);
    this.#reject(error);
  }

  readonly #onTaken = (error?: Error | null): void => {
    if (error || this.#failure) return;
    // A large request takes its time; what is sent behind it does not prolong the wait for its answer.
    if (this.#asked.length + this.#next - this.#unanswered === 1) this.#restartDeadline();
    this.send();
  };

  #ask(message: Uint8Array): Promise<Header> {
    return new Promise((resolve, reject) => {
      if (this.#failure) throw this.#failure;
      this.#questions.push({ message, resolve, reject });
      this.send();
    });
  }

  get #awaiting(): boolean {
    return this.#asked.length > 0 || this.#next > this.#unanswered;
  }

  /** Something is sent that is answered. */
  #await(send: () => void): void {
    const awaited = this.#awaiting;
    send();
    if (!awaited) this.#restartDeadline();
  }

  #restartDeadline(): void {
    clearTimeout(this.#deadline);
    if (!this.#awaiting) return;
    const { answerMs } = this.#options;
    this.#deadline = setTimeout(() => {
      this.fail(new SourceError('timeout', `${this.#server}: no answer in ${answerMs} ms`));
    }, answerMs);
  }

  #receive(chunk: Uint8Array): void {
    this.#isAnswered = true;
    let answered = false;
    try {
      this.#session.receive(chunk);
      for (let outcome = this.#session.next(); outcome; outcome = this.#session.next()) {
        this.#take(outcome);
        answered = true;
      }
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      this.fail(new SourceError(error.code, `${this.#server}: ${error.message}`, { cause: error }));
    }
    // Acknowledgements that come together are passed on together.
    const acknowledged = this.#acknowledged;
    this.#acknowledged = undefined;
    if (acknowledged !== undefined) this.#owner.acknowledge(acknowledged);
    if (this.#failure) return;
    // A part of an answer is none: whoever sends byte by byte gains no time.
    if (answered) this.#restartDeadline();
    this.send();
  }

  #take(outcome: Outcome): void {
    if (this.#failure) return;
    const [asked] = this.#asked;
    if (asked?.before === this.#unanswered) {
      this.#asked.shift();
      if (outcome.kind === 'ok') asked.question.resolve(outcome.header);
      else this.#failQuestion(asked.question, this.#refusal(outcome.result));
    } else if (outcome.kind === 'refused' && !this.#awaiting) {
      // It ends the connection of its own accord, and says why.
      this.fail(this.#refusal(outcome.result));
    } else if (this.#unanswered === this.#next) {
      throw new SourceError('protocol', 'the server answers what nobody has asked');
    } else {
      this.#takeAnswer(outcome, this.#log?.at(this.#unanswered));
    }
  }

  #failQuestion(question: Question, error: SourceError): void {
    question.reject(error);
    this.fail(error);
  }

  /** Takes the answer to the oldest request; it is undefined where all servers that count have it, and it is forgotten. */
  #takeAnswer(outcome: Outcome, request: Request | undefined): void {
    if (outcome.kind === 'refused') {
      const error = this.#refusal(outcome.result);
      if (request?.kind !== 'update' || !isAboutUpdate(error)) {
        this.fail(error);
        return;
      }
      this.#owner.refused(request, error);
    } else {
      this.#checkAnswer(outcome.header, request);
    }
    this.#alone = false;
    this.#acknowledged = ++this.#unanswered;
  }

  #refusal({ code, text }: Result): SourceError {
    const said = `${text} (${code})`;
    const result = { code, text };
    if (code === ResultCode.unauthorized) {
      const isShown = this.#options.token.length > 0;
      const problem = isShown ? 'it does not take this token' : 'it asks for a token';
      return new SourceError('unauthorized', `${this.#server}: ${problem}: ${said}`, { result });
    }
    const kind = code === ResultCode.epochFenced ? 'fenced' : 'refused';
    const hint =
      code === ResultCode.invalidCommand
        ? `: is this its port for sources, and ${this.#options.streamType} its stream type?`
        : '';
    return new SourceError(kind, `${this.#server}: the server refuses: ${said}${hint}`, { result });
  }

  /** @throws {SourceError} `protocol` if the server has less than it acknowledges, or more than it was sent */
  #checkAnswer({ totalEntries }: Header, request: Request | undefined): void {
    const sent = this.#log?.entriesBefore(this.#next) ?? totalEntries;
    if (totalEntries > sent) {
      throw new SourceError('protocol', `the server claims ${totalEntries} entries where ${sent} were sent`);
    }
    if (request && !isDone(request, totalEntries)) {
      const entries = `${totalEntries} entries where the stream has ${request.entriesAfter}`;
      throw new SourceError('protocol', `the server acknowledges ${article[request.kind]} with ${entries}`);
    }
  }
}

const article = { operation: 'an operation', truncation: 'a truncation', update: 'an update' } as const;

/** Whether a server with so many entries can have done a request; operations behind it may be in too. */
function isDone({ kind, entriesAfter }: Request, totalEntries: bigint): boolean {
  return kind === 'truncation' ? totalEntries === entriesAfter : totalEntries >= entriesAfter;
}

/** Whether a refusal is about an update itself, so that every server gives it, and the stream stays what it was. */
function isAboutUpdate({ result }: SourceError): boolean {
  return (
    result?.code === ResultCode.entryNotFound ||
    result?.code === ResultCode.updateMismatch ||
    result?.code === ResultCode.badEntryType
  );
}
