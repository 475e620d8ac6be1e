/**
 * One client: its socket, its session, and its cursor, a position in the file.
 *
 * A streaming client is sent what stands behind its cursor, as far as its socket takes it, whether that comes from the
 * disk or was committed a moment ago: there is one way to be served, and no hand-over between two.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { result, ResultCode } from '@ds/codec';
import type { Loan } from '@ds/stream-file';

import { disconnectReason, type ClientStatus, type ServerObserver } from '../observer.js';
import type { Logger, ServerLimits } from '../options.js';
import type { ByteSocket } from '../ports/listener.js';
import { PeerSocket } from '../ports/peer-socket.js';
import { sameToken } from '../ports/same-token.js';
import { ClientSession, type ClientAnswer, type ClientQuery } from './client-session.js';
import { QueryPace } from './query-pace.js';
import type { ServedStream } from './served-stream.js';
import type { StreamTail } from './stream-tail.js';

/** What a connection shares with the others. */
export interface ClientConnectionContext {
  /** What is served. */
  readonly file: ServedStream;
  /** What a client must show to be let in; undefined: nothing. */
  readonly token: Uint8Array | undefined;
  readonly limits: ServerLimits;
  readonly logger: Logger;
  readonly observer: ServerObserver | undefined;
  /** How far streams may be sent by now. */
  readonly tail: Pick<StreamTail, 'announced'>;
  /** Clients that were sent all that was announced: they are told of more, and the others find it when they come to it. */
  readonly waiting: Set<ClientConnection>;
  /** The connection is gone. */
  closed(connection: ClientConnection): void;
}

/** Bytes handed at once to a client that was slow to take what it was sent last. */
const SLOW_WRITE_BYTES = 32 << 10;
/** Time in which a client that is not slow has taken something. */
const SLOW_MS = 1_000;
/** Bytes of answers that are gathered before they are sent. */
const ANSWER_BYTES = 64 << 10;

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
  /** Whether it has taken nothing for a while: then it is sent little at a time, which costs little memory. */
  #isSlow = false;
  #querying = false;
  #peerEnded = false;
  /** Commands that `#sinceMs` knows of. */
  #commands = 0;
  /** When the connection was made, the last command was taken or answered, or the one that is arriving began. */
  #sinceMs = performance.now();

  constructor(socket: ByteSocket, context: ClientConnectionContext) {
    this.#context = context;
    this.#pace = new QueryPace(context.limits.queriesPerSecondMax);
    this.#session = new ClientSession(context.file.identity.streamType, {
      asksForToken: context.token !== undefined,
      rejected: (code) => context.observer?.rejected('client', code),
    });
    this.peer = new PeerSocket(socket, {
      data: (chunk) => {
        if (this.#commands > 0 && !this.#session.midCommand) this.#sinceMs = performance.now();
        this.#session.receive(chunk);
        this.#work();
      },
      taken: () => {
        this.#work();
      },
      closed: (reason) => {
        this.#stream++;
        context.waiting.delete(this);
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

  /** More was announced. */
  announced(): void {
    if (this.#session.state === 'streaming') this.#pump();
  }

  /** The stream was cut at `length`: a client that was sent anything beyond cannot go on. */
  truncated(length: number): void {
    if (this.#session.state === 'streaming' && this.#cursor > length) this.peer.destroy('truncated');
  }

  /** Enforces the limits on time. `nowMs` as of `performance.now`. */
  tick(nowMs: number): void {
    const { limits } = this.#context;
    const stalledSinceMs = this.peer.stalledSinceMs;
    if (stalledSinceMs !== undefined) {
      if (nowMs - stalledSinceMs > SLOW_MS) this.#isSlow = true;
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
      if (!query) break;
      this.#query(query);
    }
    this.#flush();
    if (this.#session.state === 'closed') {
      this.peer.finish(this.#session.refusal?.text ?? 'closed');
      return;
    }
    if (this.#session.commands > this.#commands) {
      this.#commands = this.#session.commands;
      this.#sinceMs = performance.now();
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
    let answer: ClientAnswer | Promise<ClientAnswer>;
    try {
      const waitMs = readsFile(query) ? this.#pace.take(performance.now()) : 0;
      answer = waitMs === 0 ? this.#find(query) : sleep(waitMs).then(() => this.#find(query));
    } catch (error) {
      answer = this.#failure(error);
    }
    if (!(answer instanceof Promise)) {
      this.#answer(answer);
      return;
    }
    this.#querying = true;
    void answer
      .catch((error: unknown) => this.#failure(error))
      .then((found) => {
        this.#querying = false;
        this.#sinceMs = performance.now();
        this.#answer(found);
        this.#work();
      });
  }

  /** Answers are sent together where commands come together. */
  #answer(answer: ClientAnswer): void {
    this.#session.answer(answer);
    if (this.#session.outputBytes >= ANSWER_BYTES) this.#flush();
  }

  #failure(error: unknown): ClientAnswer {
    this.#context.logger.error({ peer: this.peer.name, error }, 'cannot read the stream');
    return { kind: 'failure', result: result(ResultCode.readFailed, String(error)) };
  }

  #find(query: ClientQuery): ClientAnswer | Promise<ClientAnswer> {
    const { file } = this.#context;
    switch (query.kind) {
      case 'header': {
        const { header } = file;
        if (!(header instanceof Promise)) return { kind: 'header', header };
        return header.then((found) => ({ kind: 'header', header: found }));
      }
      case 'authenticate': {
        const { token } = this.#context;
        const letsIn = token === undefined || sameToken(token, query.token);
        if (!letsIn) this.#context.logger.warn({ peer: this.peer.name }, 'client refused: wrong token');
        return { kind: 'authenticate', letsIn };
      }
      case 'entry': {
        const bytes = file.getEntryBytes(query.entryNumber);
        if (!(bytes instanceof Promise)) return { kind: 'entry', bytes };
        return bytes.then((found) => ({ kind: 'entry', bytes: found }));
      }
      case 'bookmark':
        return file
          .getFirstEventBytesAfterBookmark(query.bookmark)
          .then((bytes) => ({ kind: 'entry', bytes }));
      case 'start':
        return this.#startAt(query.fromEntry);
      case 'startBookmark': {
        const entry = file.getBookmark(query.bookmark);
        return entry instanceof Promise ? entry.then((found) => this.#startAt(found)) : this.#startAt(entry);
      }
    }
  }

  #startAt(entry: bigint | undefined): ClientAnswer | Promise<ClientAnswer> {
    if (entry === undefined) return { kind: 'start', found: false };
    return this.#seek(entry).then((found) => ({ kind: 'start', found }));
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

  /**
   * Sends what comes next at the cursor, up to the end of what was announced. One piece is on its way at a time: what is
   * taken at once is followed by the next one at once, and a client that takes nothing holds no more than one.
   */
  #pump(): void {
    const { file, limits, tail, waiting } = this.#context;
    if (this.#reading || this.peer.finishing || this.peer.pendingBytes > 0) return;
    if (this.#cursor >= tail.announced) {
      // A client that has ended its side gets what there is; it cannot stop the stream any more.
      if (this.#peerEnded && this.#cursor >= file.committedLength) this.peer.finish('peer');
      else waiting.add(this);
      return;
    }
    try {
      const loan = file.borrow(this.#cursor, this.#isSlow ? SLOW_WRITE_BYTES : limits.sendBytesMax);
      if (loan instanceof Promise) this.#await(loan);
      else if (loan) this.#send(loan);
      else waiting.add(this);
    } catch (error) {
      this.#readFailed(error);
    }
  }

  #await(reading: Promise<Loan | undefined>): void {
    const stream = this.#stream;
    this.#reading = true;
    reading
      .then((loan) => {
        this.#reading = false;
        if (loan && this.#session.state === 'streaming' && stream === this.#stream) this.#send(loan);
        else loan?.release();
        if (this.#session.state === 'streaming') this.#pump();
      })
      .catch((error: unknown) => {
        this.#reading = false;
        this.#readFailed(error);
      });
  }

  /** Sends whole entries, since an answer may have to come next. */
  #send({ bytes, nextOffset, entries, release }: Loan): void {
    this.#cursor = nextOffset;
    const sentMs = this.#isSlow ? performance.now() : 0;
    this.#context.observer?.sent(bytes.length, entries);
    this.peer.write(bytes, () => {
      release();
      if (this.#isSlow && sentMs > 0 && performance.now() - sentMs < SLOW_MS) this.#isSlow = false;
    });
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

function readsFile({ kind }: ClientQuery): boolean {
  return kind !== 'header' && kind !== 'authenticate';
}
