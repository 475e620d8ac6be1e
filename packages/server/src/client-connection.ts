/**
 * One client: its socket, its session, and its cursor, a position in the file.
 *
 * A streaming client is sent what stands behind its cursor, as far as its socket takes it, whether that comes from the
 * disk or was committed a moment ago: there is one way to be served, and no hand-over between two.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { ENTRY_BYTES_MAX, result, ResultCode } from '@ds/codec';
import type { Chunk, StreamFile } from '@ds/stream-file';

import { ClientSession, type ClientAnswer, type ClientQuery } from './client-session.js';
import type { ByteSocket } from './listener.js';
import { disconnectReason, type ClientStatus, type ServerObserver } from './observer.js';
import type { Logger, ServerLimits } from './options.js';
import { PeerSocket } from './peer-socket.js';
import { QueryPace } from './query-pace.js';
import { sameToken } from './same-token.js';
import { wholeEntries } from './whole-entries.js';

/** What a connection shares with the others. */
export interface ClientConnectionContext {
  readonly file: StreamFile;
  /** What a client must show to be let in; undefined: nothing. */
  readonly token: Uint8Array | undefined;
  readonly limits: ServerLimits;
  readonly logger: Logger;
  readonly observer: ServerObserver | undefined;
  /** The connection is gone. */
  closed(connection: ClientConnection): void;
}

/** Bytes handed to a socket at once, but for an entry that is larger. */
const WRITE_BYTES = 256 << 10;

export class ClientConnection {
  readonly peer: PeerSocket;
  readonly #context: ClientConnectionContext;
  readonly #session: ClientSession;
  readonly #pace: QueryPace;
  /** Offset in the file of the next byte to send, while streaming. */
  #cursor = 0;
  /** Counts streams, so that a read for an earlier one is told apart. */
  #stream = 0;
  #reading = false;
  #querying = false;
  #peerEnded = false;
  /** Commands that `#sinceMs` knows of. */
  #commands = 0;
  /** When the connection was made, the last command was taken or answered, or the one that is arriving began. */
  #sinceMs = Date.now();

  constructor(socket: ByteSocket, context: ClientConnectionContext) {
    this.#context = context;
    this.#pace = new QueryPace(context.limits.queriesPerSecondMax);
    this.#session = new ClientSession(context.file.identity.streamType, {
      asksForToken: context.token !== undefined,
      rejected: (code) => context.observer?.rejected('client', code),
    });
    this.peer = new PeerSocket(socket, {
      data: (chunk) => {
        if (this.#commands > 0 && !this.#session.midCommand) this.#sinceMs = Date.now();
        this.#session.receive(chunk);
        this.#work();
      },
      taken: () => {
        this.#work();
      },
      closed: (reason) => {
        this.#stream++;
        this.#context.logger.debug({ peer: this.peer.name, reason }, 'client disconnected');
        this.#context.observer?.disconnected('client', disconnectReason(reason, !!this.#session.refusal));
        this.#context.closed(this);
      },
    });
    this.peer.onEnd(() => {
      this.#peerEnded = true;
      this.#work();
    });
  }

  /** What the client does, and how far it is behind. */
  get status(): ClientStatus {
    const { file } = this.#context;
    const { state } = this.#session;
    const lagBytes = state === 'streaming' ? file.committedLength - this.#cursor + this.peer.pendingBytes : 0;
    return { peer: this.peer.name, state, lagBytes, pendingBytes: this.peer.pendingBytes };
  }

  /** The stream has grown. */
  committed(): void {
    if (this.#session.state === 'streaming') this.#pump();
  }

  /** The stream was cut at `length`: a client that was sent anything beyond cannot go on. */
  truncated(length: number): void {
    if (this.#session.state === 'streaming' && this.#cursor > length) this.peer.destroy('truncated');
  }

  /** Enforces the limits on time. `nowMs` as of `Date.now`. */
  tick(nowMs: number): void {
    const { limits } = this.#context;
    const stalledSinceMs = this.peer.stalledSinceMs;
    if (stalledSinceMs !== undefined) {
      if (nowMs - stalledSinceMs > limits.stallMs) this.peer.destroy('stalled');
      return;
    }
    if (this.#session.state !== 'stopped' || this.#querying) return;
    const quietMs = nowMs - this.#sinceMs;
    const first = this.#session.commands === 0;
    const limitMs = this.#session.midCommand
      ? limits.commandMs
      : first
        ? limits.firstCommandMs
        : limits.idleMs;
    if (quietMs > limitMs) this.#refuse(ResultCode.deadlineExceeded, `no whole command in ${limitMs} ms`);
  }

  /** Ends the connection: what is on its way goes out first. */
  close(): void {
    if (this.#session.state === 'streaming') this.peer.finish('shutting down');
    else this.#refuse(ResultCode.shuttingDown);
  }

  /** Takes one command after the other, then goes on streaming. A command ends a stream however much is on its way. */
  #work(): void {
    while (!this.#querying && (this.#session.state === 'streaming' || !this.#backlogged)) {
      const query = this.#session.next();
      this.#flush();
      if (!query) break;
      this.#query(query);
    }
    if (this.#session.state === 'closed') {
      this.peer.finish(this.#session.refusal?.text ?? 'closed');
      return;
    }
    if (this.#session.commands > this.#commands) {
      this.#commands = this.#session.commands;
      this.#sinceMs = Date.now();
    }
    const held = this.#querying || (this.#session.state === 'stopped' && this.#backlogged);
    this.peer.reading(!held);
    if (this.#session.state === 'streaming') this.#pump();
    else if (this.#peerEnded && !held) this.peer.finish('peer');
  }

  get #backlogged(): boolean {
    return this.peer.pendingBytes >= this.#context.limits.sendBytesMax;
  }

  #query(query: ClientQuery): void {
    if (query.kind === 'header') {
      this.#session.answer({ kind: 'header', header: this.#context.file.header });
      this.#flush();
      return;
    }
    if (query.kind === 'authenticate') {
      const { token } = this.#context;
      const letsIn = token === undefined || sameToken(token, query.token);
      if (!letsIn) this.#context.logger.warn({ peer: this.peer.name }, 'client refused: wrong token');
      this.#session.answer({ kind: 'authenticate', letsIn });
      this.#flush();
      return;
    }
    this.#querying = true;
    const waitMs = this.#pace.take(Date.now());
    const found = waitMs === 0 ? this.#find(query) : sleep(waitMs).then(() => this.#find(query));
    void found
      .catch((error: unknown): ClientAnswer => {
        this.#context.logger.error({ peer: this.peer.name, error }, 'cannot read the stream');
        return { kind: 'failure', result: result(ResultCode.readFailed, String(error)) };
      })
      .then((answer) => {
        this.#querying = false;
        this.#sinceMs = Date.now();
        this.#session.answer(answer);
        this.#flush();
        this.#work();
      });
  }

  async #find(query: Exclude<ClientQuery, { kind: 'header' | 'authenticate' }>): Promise<ClientAnswer> {
    const { file } = this.#context;
    switch (query.kind) {
      case 'entry':
        return { kind: 'entry', bytes: await file.getEntryBytes(query.entryNumber) };
      case 'bookmark':
        return { kind: 'entry', bytes: await file.getFirstEventBytesAfterBookmark(query.bookmark) };
      case 'start':
        return { kind: 'start', found: await this.#seek(query.fromEntry) };
      case 'startBookmark': {
        const entry = file.getBookmark(query.bookmark);
        return { kind: 'start', found: entry !== undefined && (await this.#seek(entry)) };
      }
    }
  }

  async #seek(entry: bigint): Promise<boolean> {
    const { file } = this.#context;
    const offset = await file.offsetOf(entry);
    // The stream may have been cut meanwhile.
    if (offset === undefined || offset > file.committedLength) return false;
    this.#cursor = offset;
    this.#stream++;
    return true;
  }

  /** Sends from the cursor on until the socket is full or the stream's end is reached. */
  #pump(): void {
    const { file, limits } = this.#context;
    while (!this.#reading && !this.peer.finishing && this.peer.pendingBytes < limits.sendBytesMax) {
      let chunk: Chunk | undefined | Promise<Chunk | undefined>;
      try {
        chunk = file.read(this.#cursor, ENTRY_BYTES_MAX);
      } catch (error) {
        this.#readFailed(error);
        return;
      }
      if (!chunk) {
        // A client that has ended its side gets what there is; it cannot stop the stream any more.
        if (this.#peerEnded) this.peer.finish('peer');
        return;
      }
      if (chunk instanceof Promise) {
        this.#await(chunk);
        return;
      }
      this.#send(chunk);
    }
  }

  #await(reading: Promise<Chunk | undefined>): void {
    const stream = this.#stream;
    this.#reading = true;
    reading
      .then((chunk) => {
        this.#reading = false;
        if (this.#session.state !== 'streaming') return;
        if (chunk && stream === this.#stream) this.#send(chunk);
        this.#pump();
      })
      .catch((error: unknown) => {
        this.#reading = false;
        this.#readFailed(error);
      });
  }

  /** Sends whole entries, since an answer may have to come next. The chunk ends with an entry's end. */
  #send({ bytes, nextOffset }: Chunk): void {
    const count = wholeEntries(bytes, WRITE_BYTES);
    this.#cursor = nextOffset - (bytes.length - count);
    this.peer.write(bytes.subarray(0, count));
    this.#context.observer?.sent(count);
  }

  #readFailed(error: unknown): void {
    this.#context.logger.error(
      { peer: this.peer.name, offset: this.#cursor, error },
      'cannot read the stream',
    );
    this.#refuse(ResultCode.readFailed, String(error));
  }

  #refuse(code: number, text?: string): void {
    this.#session.close(result(code, text));
    this.#flush();
    this.peer.finish(this.#session.refusal?.text ?? 'closed');
  }

  #flush(): void {
    const output = this.#session.takeOutput();
    if (output) this.peer.write(output);
  }
}
