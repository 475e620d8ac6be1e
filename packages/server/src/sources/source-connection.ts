/**
 * One source: its socket and its session, and the operation that it has open in the stream file.
 *
 * Messages are worked off one after the other. Commits are not waited for, so a source can pipeline; but when too many
 * bytes wait to be written, no more is read, and TCP holds the source back.
 */

import {
  ANY_ENTRY,
  encodeHeader,
  result,
  ResultCode,
  SOURCE_PROTOCOL_VERSION,
  type Result,
  type SourceMessageRun,
} from '@ds/codec';
import { StreamFileError, type CommitListener, type StreamFile } from '@ds/stream-file';

import { disconnectReason, type ServerObserver } from '../observer.js';
import type { Logger, ServerLimits } from '../options.js';
import type { ByteSocket } from '../ports/listener.js';
import { PeerSocket } from '../ports/peer-socket.js';
import { sameToken } from '../ports/same-token.js';
import type { Gated, SourceGate } from './source-gate.js';
import { SourceSession, type SourceAction } from './source-session.js';
import { storageResult } from './storage-results.js';

/** What a connection shares with the others. */
export interface SourceConnectionContext {
  readonly file: StreamFile;
  readonly gate: SourceGate;
  /** What a source must show to be let in; undefined: nothing. */
  readonly token: Uint8Array | undefined;
  readonly limits: ServerLimits;
  readonly logger: Logger;
  readonly observer: ServerObserver | undefined;
  /** The connection is gone. */
  closed(connection: SourceConnection): void;
}

export class SourceConnection implements Gated {
  readonly peer: PeerSocket;
  readonly #context: SourceConnectionContext;
  readonly #session: SourceSession;
  /** Whether the operation that is open in the file is this source's. */
  #ownsOperation = false;
  #busy = false;
  #peerEnded = false;
  #gone = false;
  #flushScheduled = false;
  /** What has come and has not been looked at, oldest first. */
  #received: Uint8Array[] = [];
  #workScheduled = false;
  /** The header that answers carry until they are sent: nothing is committed in between. */
  #header: Uint8Array | undefined;
  readonly #sinceMs = performance.now();

  constructor(socket: ByteSocket, context: SourceConnectionContext) {
    this.#context = context;
    this.#session = new SourceSession(context.file.identity.streamType, (code) =>
      context.observer?.rejected('source', code),
    );
    this.peer = new PeerSocket(socket, {
      data: (chunk) => {
        this.#received.push(chunk);
        this.#workSoon();
      },
      taken: () => {
        void this.#work();
      },
      closed: (reason) => {
        this.#gone = true;
        this.#rollBack();
        context.gate.leave(this);
        context.logger.info({ peer: this.peer.name, reason }, 'source disconnected');
        context.observer?.disconnected('source', disconnectReason(reason, !!this.#session.refusal));
        context.closed(this);
      },
    });
    this.peer.onEnd(() => {
      this.#peerEnded = true;
      void this.#work();
    });
  }

  evict(reason: Result): void {
    this.#fail(reason);
  }

  probe(): void {
    this.peer.probe();
  }

  /** Enforces the limits on time. `nowMs` as of `performance.now`. */
  tick(nowMs: number): void {
    const { limits } = this.#context;
    const stalledSinceMs = this.peer.stalledSinceMs;
    if (stalledSinceMs !== undefined && nowMs - stalledSinceMs > limits.stallMs) this.peer.destroy('stalled');
    else if (!this.#session.opened && !this.#busy && nowMs - this.#sinceMs > limits.firstCommandMs) {
      this.#fail(result(ResultCode.deadlineExceeded, `no OpenSource message in ${limits.firstCommandMs} ms`));
    }
  }

  /** Ends the connection: answers that are awaited go out first. */
  close(): void {
    this.#fail(result(ResultCode.shuttingDown));
  }

  /** What comes in one turn of the event loop is worked off together, so its commits become one group. */
  #workSoon(): void {
    if (this.#workScheduled) return;
    this.#workScheduled = true;
    setImmediate(() => {
      this.#workScheduled = false;
      void this.#work();
    });
  }

  #nextAction(): SourceAction | undefined {
    for (;;) {
      const action = this.#session.next();
      if (action) return action;
      const chunk = this.#received.shift();
      if (!chunk) return undefined;
      this.#session.receive(chunk);
    }
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.peer.reading(false);
    while (!this.#gone && this.peer.pendingBytes < this.#context.limits.sendBytesMax) {
      const action = this.#nextAction();
      if (!action) break;
      const working = this.#perform(action);
      if (working) await working;
    }
    this.#busy = false;
    if (this.#session.closed) {
      this.#fail(this.#session.refusal ?? result(ResultCode.invalidCommand));
      return;
    }
    const held = this.peer.pendingBytes >= this.#context.limits.sendBytesMax;
    if (this.#peerEnded && !held) {
      this.#rollBack();
      this.#finishWhenAnswered('peer');
      return;
    }
    this.#flushSoon();
    this.peer.reading(!held);
  }

  /** Does what a message asks for; a promise where nothing may happen before it is done. Never rejects. */
  #perform({ message, ticket }: SourceAction): Promise<void> | undefined {
    const { file } = this.#context;
    try {
      switch (message.kind) {
        case 'openSource':
          return this.#open(message, ticket);
        case 'startAtomicOp':
          return this.#start(message.expectedEntry);
        case 'additions':
          file.addStreamMessages(message);
          return undefined;
        case 'commitAtomicOp':
          this.#ownsOperation = false;
          file.commitAtomicOpFor(new CommitAnswer(this, ticket));
          return undefined;
        case 'rollbackAtomicOp':
          this.#ownsOperation = false;
          file.rollbackAtomicOp();
          this.#answerInTurn(ticket);
          return undefined;
        case 'truncateFile':
          return this.#answerWhenDone(ticket, file.truncateFile(message.entryNumber));
        case 'updateEntryData':
          return this.#answerWhenDone(
            ticket,
            file.updateEntryData(message.entryNumber, message.entryType, message.data),
          );
        case 'header':
          this.#answerInTurn(ticket);
          return undefined;
      }
    } catch (error) {
      this.#fail(storageResult(error));
      return undefined;
    }
  }

  async #open(message: Extract<SourceMessageRun, { kind: 'openSource' }>, ticket: number): Promise<void> {
    const { file, gate, token, logger } = this.#context;
    const { protocolVersion, systemId, epoch } = message;
    let refusal: Result | undefined;
    if (token && !sameToken(token, message.token)) {
      refusal = result(ResultCode.unauthorized);
    } else if (protocolVersion !== SOURCE_PROTOCOL_VERSION) {
      const supported = SOURCE_PROTOCOL_VERSION;
      refusal = result(
        ResultCode.protocolVersion,
        `Protocol version ${protocolVersion} is not supported: ${supported} is`,
      );
    } else if (systemId !== file.identity.systemId) {
      const text = `System id ${systemId} is not this stream's: ${file.identity.systemId}`;
      refusal = result(ResultCode.wrongSystemId, text);
    } else {
      refusal = await gate.admit(this, epoch);
    }
    if (refusal) {
      logger.warn({ peer: this.peer.name, epoch, reason: refusal.text }, 'source refused');
      this.#session.fail(refusal, ticket);
      return;
    }
    if (this.#gone) {
      gate.leave(this);
      return;
    }
    logger.info({ peer: this.peer.name, epoch, nextEntry: file.nextEntry }, 'source connected');
    this.#session.open(ticket, encodeHeader(file.header));
  }

  #start(expectedEntry: bigint): Promise<void> | undefined {
    const { file } = this.#context;
    const begin = (): void => {
      if (this.#gone || this.#session.closed) return;
      if (expectedEntry !== ANY_ENTRY && expectedEntry !== file.nextEntry) {
        const text = `Expected entry ${expectedEntry} but the next entry is ${file.nextEntry}`;
        this.#fail(result(ResultCode.expectedEntry, text));
        return;
      }
      file.startAtomicOp();
      this.#ownsOperation = true;
    };
    if (!file.congested) {
      begin();
      return undefined;
    }
    return file
      .ready()
      .then(begin)
      .catch((error: unknown) => {
        this.#fail(storageResult(error));
      });
  }

  /** Answers that a message is done. */
  answer(ticket: number): void {
    this.#header ??= encodeHeader(this.#context.file.header);
    this.#session.answer(ticket, { header: this.#header });
    this.#flushSoon();
  }

  /** As `answer`, for what is done at once: commits before it may still be under way, and what they add is told with it. */
  #answerInTurn(ticket: number): void {
    this.#session.answer(ticket, { headerThen: () => encodeHeader(this.#context.file.header) });
    this.#flushSoon();
  }

  async #answerWhenDone(ticket: number, done: Promise<unknown>): Promise<void> {
    try {
      await done;
      this.answer(ticket);
    } catch (error) {
      this.refuse(ticket, error);
    }
  }

  /** Answers that a message could not be done. */
  refuse(ticket: number, error: unknown): void {
    this.#session.answer(ticket, { refusal: storageResult(error) });
    this.#context.logger.error({ peer: this.peer.name, error }, 'cannot write the stream');
    this.#flushSoon();
  }

  /** Rolls back what is open, tells the source why behind all other answers, and ends the connection. */
  #fail(refusal: Result): void {
    this.#rollBack();
    this.#context.gate.leave(this);
    this.#session.fail(refusal);
    this.#finishWhenAnswered(this.#session.refusal?.text ?? refusal.text);
  }

  #rollBack(): void {
    if (!this.#ownsOperation) return;
    this.#ownsOperation = false;
    try {
      this.#context.file.rollbackAtomicOp();
    } catch (error) {
      if (!(error instanceof StreamFileError)) throw error;
      this.#context.logger.warn({ peer: this.peer.name, error }, 'cannot roll back');
    }
  }

  /** Answers that are settled in one turn of the event loop leave in one write. */
  #flushSoon(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#header = undefined;
      this.#flush();
      if (this.#finishReason !== undefined) this.#finishWhenAnswered(this.#finishReason);
    });
  }

  #flush(): void {
    const output = this.#session.takeOutput();
    if (output && !this.#gone) this.peer.write(output);
  }

  #finishReason: string | undefined;

  #finishWhenAnswered(reason: string): void {
    this.#finishReason ??= reason;
    this.#flush();
    if (!this.#session.answersPending) this.peer.finish(this.#finishReason);
  }
}

/** The answer to a commit that is under way. */
class CommitAnswer implements CommitListener {
  readonly #connection: SourceConnection;
  readonly #ticket: number;

  constructor(connection: SourceConnection, ticket: number) {
    this.#connection = connection;
    this.#ticket = ticket;
  }

  committed(): void {
    this.#connection.answer(this.#ticket);
  }

  refused(error: StreamFileError): void {
    this.#connection.refuse(this.#ticket, error);
  }
}
