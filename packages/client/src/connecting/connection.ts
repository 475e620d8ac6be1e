/**
 * One connection to a server: a socket and a session. It lives until it fails or is closed; it never reconnects.
 *
 * What came with one read is handed out before anything more is read, so TCP holds a server back that is faster than the
 * consumer, and no more is held here than one buffer and one entry that was cut by its end.
 */
import type { Duplex } from 'node:stream';

import {
  ResultCode,
  type ClientCommand,
  type Entry,
  type EntryBatch,
  type Header,
  type Result,
} from '@ds/codec';

import { ClientError, type ClientErrorCode } from '../errors.js';
import { formatAddress, type ServerAddress } from './address.js';
import { ClientSession, type ClientEvent } from './client-session.js';
import { endedUnanswered, isReset, problemOf, type Dial } from './dial.js';

export interface ConnectionOptions {
  readonly dial: Dial;
  /** Whether that speaks TLS. */
  readonly isTls: boolean;
  /** Kind of stream that is asked for. */
  readonly streamType: bigint;
  /** Shown to the server first. */
  readonly token: Uint8Array | undefined;
  /** Time to connect, and time for each answer, in milliseconds. */
  readonly connectMs: number;
  readonly answerMs: number;
  /** Longest silence of a stream, in milliseconds; 0 is any. */
  readonly silenceMs: number;
  /** Servers that have ever said anything, as `host:port`. */
  readonly answered: Set<string>;
  /** Ends the connection with its reason. */
  readonly signal: AbortSignal;
}

interface Waiting {
  resolve(event: ClientEvent): void;
  reject(reason: unknown): void;
}

export class Connection {
  /** `host:port`, for messages. */
  readonly server: string;
  readonly #options: ConnectionOptions;
  readonly #session: ClientSession;
  readonly #socket: Duplex;
  readonly #answers: Waiting[] = [];
  readonly #batches: EntryBatch[] = [];
  /** Told whether a connection is made, as long as that is not known. */
  #connecting: { resolve(): void; reject(reason: unknown): void } | undefined;
  /** Wakes whoever waits for entries. */
  #wake: (() => void) | undefined;
  /** Whether the server owes entries: it said that it has them, or a part of one has come. */
  #owes = false;
  /** Why the connection cannot be used any more. */
  #failure: { readonly reason: unknown } | undefined;
  #deadline: NodeJS.Timeout | undefined;

  private constructor(address: ServerAddress, options: ConnectionOptions) {
    this.server = formatAddress(address);
    this.#options = options;
    this.#session = new ClientSession(options.streamType);
    this.#socket = options.dial(address, {
      connected: () => this.#connecting?.resolve(),
      received: (bytes) => {
        this.#receive(bytes);
      },
    });
    this.#socket.on('error', (cause) => {
      if (this.#connecting) this.#failToConnect('connect', problemOf(cause), cause);
      else if (isReset(cause) && !options.answered.has(this.server)) {
        this.#fail('disconnected', endedUnanswered(options.isTls), cause);
      } else this.#fail('disconnected', `the connection has failed: ${problemOf(cause)}`, cause);
    });
    this.#socket.on('close', () => {
      const reason = options.answered.has(this.server)
        ? 'the server has ended the connection'
        : endedUnanswered(options.isTls);
      if (this.#connecting) this.#failToConnect('connect', reason);
      else this.#fail('disconnected', reason);
    });
  }

  /**
   * Connects, and shows the token if there is one.
   * @throws {ClientError} `connect`, `timeout`; with a token also `unauthorized`, `no-authentication` and what else an answer
   *   can lead to
   */
  static async open(address: ServerAddress, options: ConnectionOptions): Promise<Connection> {
    const { signal, connectMs, token } = options;
    signal.throwIfAborted();
    const connection = new Connection(address, options);
    const close = (): void => {
      connection.#end(signal.reason);
    };
    signal.addEventListener('abort', close, { once: true });
    connection.#socket.once('close', () => {
      signal.removeEventListener('abort', close);
    });
    await connection.#connect(connectMs);
    if (token) await connection.#authenticate(token);
    return connection;
  }

  /** Whether the connection cannot be used any more. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether nobody needs to wait for the next entries. */
  get hasBatch(): boolean {
    return this.#batches.length > 0;
  }

  /** Identity and size of the stream. */
  async header(): Promise<Header> {
    const event = await this.#ask({ kind: 'header' });
    return event.kind === 'header' ? event.header : this.#unexpected(event);
  }

  /** The entry with this number, if there is one. */
  async entry(entryNumber: bigint): Promise<Entry | undefined> {
    const event = await this.#ask({ kind: 'entry', entryNumber });
    return event.kind === 'entry' ? event.entry : this.#unexpected(event);
  }

  /** The first entry at or after a bookmark that is not a bookmark itself, if there is one. */
  async bookmark(bookmark: Uint8Array): Promise<Entry | undefined> {
    const event = await this.#ask({ kind: 'bookmark', bookmark });
    return event.kind === 'entry' ? event.entry : this.#unexpected(event);
  }

  /** Starts the stream at an entry, or at a bookmark's own entry. */
  async start(from: bigint | Uint8Array): Promise<void> {
    await this.#ask(
      typeof from === 'bigint'
        ? { kind: 'start', fromEntry: from }
        : { kind: 'startBookmark', bookmark: from },
    );
  }

  /**
   * The next streamed entries: views of the connection's buffer, valid until the next ones are asked for. Rejects when the
   * connection has failed and all entries before that were taken.
   *
   * @param due whether the server said that it has them: then they must come in the time for an answer
   */
  async nextBatch(due: boolean): Promise<EntryBatch> {
    for (;;) {
      const batch = this.#batches.shift();
      if (batch) return batch;
      if (this.#failure) throw this.#failure.reason;
      this.#owes = due || this.#session.bufferedBytes > 0;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#startDeadline();
        this.#socket.resume();
      });
      this.#wake = undefined;
      this.#startDeadline();
    }
  }

  /** Ends the connection. What is awaited rejects with `closed`; entries that nobody has taken are dropped. */
  close(): void {
    this.#end(new ClientError('closed', `${this.server}: the connection is closed`));
  }

  #end(reason: unknown): void {
    this.#batches.length = 0;
    this.#failWith(reason);
  }

  async #connect(connectMs: number): Promise<void> {
    const timer = setTimeout(() => {
      this.#failToConnect('timeout', `no connection in ${connectMs} ms`);
    }, connectMs);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#connecting = { resolve, reject };
      });
    } finally {
      clearTimeout(timer);
      this.#connecting = undefined;
    }
  }

  async #authenticate(token: Uint8Array): Promise<void> {
    try {
      await this.#ask({ kind: 'authenticate', token });
    } catch (cause) {
      this.close();
      const result = cause instanceof ClientError ? cause.result : undefined;
      if (result?.code !== ResultCode.invalidCommand) throw cause;
      const message =
        `${this.server}: the server does not know the command Authenticate (514), so it cannot be shown a token: ` +
        'follow it without one, or check that address and stream type are right';
      throw new ClientError('no-authentication', message, { cause, result });
    }
  }

  #ask(command: ClientCommand): Promise<ClientEvent> {
    return new Promise((resolve, reject) => {
      if (this.#failure) throw this.#failure.reason;
      this.#socket.write(this.#session.send(command));
      this.#answers.push({ resolve, reject });
      if (this.#answers.length === 1) this.#startDeadline();
    });
  }

  /** Starts the time anew for what is awaited now, if anything is. */
  #startDeadline(): void {
    clearTimeout(this.#deadline);
    const { answerMs, silenceMs } = this.#options;
    if (this.#answers.length > 0) this.#failAfter(answerMs, 'answer');
    else if (this.#wake && this.#owes) this.#failAfter(answerMs, 'entry');
    else if (this.#wake && silenceMs > 0) this.#failAfter(silenceMs, 'byte');
  }

  #failAfter(ms: number, what: string): void {
    this.#deadline = setTimeout(() => {
      this.#fail('timeout', `no ${what} in ${ms} ms`);
    }, ms);
  }

  #receive(bytes: Uint8Array): void {
    if (this.#failure) return;
    this.#options.answered.add(this.server);
    try {
      this.#session.receive(bytes);
      for (let event = this.#session.next(); event; event = this.#session.next()) this.#take(event);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#fail(error.code, error.message, error);
    }
    if (this.#batches.length > 0) {
      this.#socket.pause();
      this.#wake?.();
    } else if (this.#wake && !this.#owes && !this.hasFailed) {
      // The rest of what has come in part is due.
      this.#owes = this.#session.bufferedBytes > 0;
      this.#startDeadline();
    }
  }

  #take(event: ClientEvent): void {
    if (event.kind === 'batch') {
      this.#batches.push(event.batch);
      return;
    }
    const waiting = this.#answers.shift();
    this.#startDeadline();
    if (event.kind !== 'refused') {
      waiting?.resolve(event);
      return;
    }
    const error = this.#refusal(event.result);
    waiting?.reject(error);
    if (!event.goesOn) this.#failWith(error);
  }

  #refusal({ code, text }: Result): ClientError {
    const result = { code, text };
    if (code === ResultCode.unauthorized) {
      const problem = this.#options.token ? 'it does not take this token' : 'it asks for a token';
      return new ClientError('unauthorized', `${this.server}: ${problem}: ${text} (${code})`, { result });
    }
    // That is all that a server says to whoever has its stream type wrong.
    const hint =
      code === ResultCode.invalidCommand
        ? `: is this its port for clients, and ${this.#options.streamType} its stream type?`
        : '';
    return new ClientError('refused', `${this.server}: the server refuses: ${text} (${code})${hint}`, {
      result,
    });
  }

  #unexpected(event: ClientEvent): never {
    throw new ClientError(
      'protocol',
      `${this.server}: an answer of kind ${event.kind} that was not asked for`,
    );
  }

  #failToConnect(code: ClientErrorCode, reason: string, cause?: unknown): void {
    this.#failWith(new ClientError(code, `cannot connect to ${this.server}: ${reason}`, { cause }));
  }

  #fail(code: ClientErrorCode, reason: string, cause?: unknown): void {
    if (!this.#failure) this.#failWith(new ClientError(code, `${this.server}: ${reason}`, { cause }));
  }

  /** Ends the connection; what the server has sent before is still given. */
  #failWith(reason: unknown): void {
    if (this.#failure) return;
    this.#failure = { reason };
    clearTimeout(this.#deadline);
    this.#socket.destroy();
    this.#connecting?.reject(reason);
    for (const waiting of this.#answers.splice(0)) waiting.reject(reason);
    this.#wake?.();
  }
}
