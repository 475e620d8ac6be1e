/**
 * One connection to a server: a socket and a session. It lives until it fails or is closed; it never reconnects.
 *
 * Entries that nobody has taken yet are held up to a limit; then the socket is not read any more, and TCP holds the
 * server back.
 */
import { connect, type Socket } from 'node:net';

import { type ClientCommand, type Entry, type EntryBatch, type Header } from '@ds/codec';

import { formatAddress, type ServerAddress } from './address.js';
import { ClientSession, type ClientEvent } from './client-session.js';
import { ClientError, type ClientErrorCode } from './errors.js';

export interface ConnectionOptions {
  /** Kind of stream that is asked for. */
  readonly streamType: bigint;
  /** Time to connect, and time for each answer, in milliseconds. */
  readonly connectMs: number;
  readonly answerMs: number;
  /** Bytes of entries held for the consumer before the server is held back. */
  readonly heldBytesMax: number;
  readonly signal?: AbortSignal | undefined;
}

interface Waiting {
  resolve(event: ClientEvent): void;
  reject(error: ClientError): void;
}

export class Connection {
  /** `host:port`, for messages. */
  readonly server: string;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #session: ClientSession;
  readonly #answers: Waiting[] = [];
  readonly #batches: EntryBatch[] = [];
  #heldBytes = 0;
  #wake: (() => void) | undefined;
  #failure: ClientError | undefined;
  #deadline: NodeJS.Timeout | undefined;

  private constructor(server: string, socket: Socket, options: ConnectionOptions) {
    this.server = server;
    this.#socket = socket;
    this.#options = options;
    this.#session = new ClientSession(options.streamType);
    socket.on('data', ({ buffer, byteOffset, length }) => {
      // Not a Buffer: what is cut from one is one, too, and its `slice` copies nothing.
      this.#receive(new Uint8Array(buffer, byteOffset, length));
    });
    socket.on('error', (cause) => {
      this.#fail('disconnected', `the connection has failed: ${cause.message}`, cause);
    });
    socket.on('close', () => {
      this.#fail('disconnected', 'the server has ended the connection');
    });
  }

  /**
   * Connects.
   * @throws {ClientError} `connect`, `timeout` or `closed`
   */
  static async open(address: ServerAddress, options: ConnectionOptions): Promise<Connection> {
    const server = formatAddress(address);
    const { signal, connectMs } = options;
    if (signal?.aborted) throw new ClientError('closed', `not connected to ${server}: aborted`);
    const socket = connect({ ...address, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
    let abort = (): void => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const fail = (code: ClientErrorCode, reason: string, cause?: unknown): void => {
          reject(new ClientError(code, `cannot connect to ${server}: ${reason}`, { cause }));
        };
        abort = () => {
          fail('closed', 'aborted');
        };
        signal?.addEventListener('abort', abort, { once: true });
        socket.setTimeout(connectMs, () => {
          fail('timeout', `no connection in ${connectMs} ms`);
        });
        socket.once('error', (cause) => {
          fail('connect', cause.message, cause);
        });
        socket.once('connect', resolve);
      });
      socket.setTimeout(0);
      socket.removeAllListeners('timeout').removeAllListeners('error');
      const connection = new Connection(server, socket, options);
      const close = (): void => {
        connection.close();
      };
      signal?.addEventListener('abort', close, { once: true });
      if (signal?.aborted) close();
      socket.once('close', () => signal?.removeEventListener('abort', close));
      return connection;
    } catch (error) {
      socket.on('error', () => undefined).destroy();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Why the connection cannot be used any more. */
  get failure(): ClientError | undefined {
    return this.#failure;
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

  /** The next streamed entries. Rejects when the connection has failed and all entries before that were taken. */
  async nextBatch(): Promise<EntryBatch> {
    for (;;) {
      const batch = this.#batches.shift();
      if (batch) {
        this.#heldBytes -= batch.bytes.length;
        if (this.#heldBytes < this.#options.heldBytesMax) this.#socket.resume();
        return batch;
      }
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** As `nextBatch`, for entries that the server has: they must come in the time for an answer. */
  async dueBatch(): Promise<EntryBatch> {
    const { answerMs } = this.#options;
    const timer = setTimeout(() => {
      this.#fail('timeout', `no entry in ${answerMs} ms`);
    }, answerMs);
    try {
      return await this.nextBatch();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the connection. What is awaited rejects with `closed`; entries that nobody has taken are dropped. */
  close(): void {
    this.#batches.length = 0;
    this.#fail('closed', 'closed by this side');
  }

  #ask(command: ClientCommand): Promise<ClientEvent> {
    return new Promise((resolve, reject) => {
      if (this.#failure) throw this.#failure;
      this.#socket.write(this.#session.send(command));
      this.#answers.push({ resolve, reject });
      if (this.#answers.length === 1) this.#startDeadline();
    });
  }

  #startDeadline(): void {
    clearTimeout(this.#deadline);
    if (this.#answers.length === 0) return;
    const { answerMs } = this.#options;
    this.#deadline = setTimeout(() => {
      this.#fail('timeout', `no answer in ${answerMs} ms`);
    }, answerMs);
  }

  #receive(chunk: Uint8Array): void {
    try {
      this.#session.receive(chunk);
      for (let event = this.#session.next(); event; event = this.#session.next()) this.#take(event);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#fail(error.code, error.message, error);
    }
  }

  #take(event: ClientEvent): void {
    if (event.kind === 'batch') {
      this.#batches.push(event.batch);
      this.#heldBytes += event.batch.bytes.length;
      if (this.#heldBytes >= this.#options.heldBytesMax && this.#answers.length === 0) this.#socket.pause();
      this.#wake?.();
      return;
    }
    const waiting = this.#answers.shift();
    this.#startDeadline();
    if (event.kind !== 'refused') {
      waiting?.resolve(event);
      return;
    }
    const { code, text } = event.result;
    const message = `${this.server}: the server refuses: ${text} (${code})`;
    const error = new ClientError('refused', message, { result: { code, text } });
    waiting?.reject(error);
    if (!event.goesOn) this.#failWith(error);
  }

  #unexpected(event: ClientEvent): never {
    throw new ClientError(
      'protocol',
      `${this.server}: an answer of kind ${event.kind} that was not asked for`,
    );
  }

  #fail(code: ClientErrorCode, reason: string, cause?: unknown): void {
    if (!this.#failure) this.#failWith(new ClientError(code, `${this.server}: ${reason}`, { cause }));
  }

  #failWith(error: ClientError): void {
    if (this.#failure) return;
    this.#failure = error;
    clearTimeout(this.#deadline);
    this.#socket.destroy();
    for (const waiting of this.#answers.splice(0)) waiting.reject(error);
    this.#wake?.();
  }
}
