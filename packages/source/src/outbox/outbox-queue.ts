/**
 * Puts requests into the outbox before any server sees them, in order.
 *
 * An operation is passed on once it is durable here. A truncation or an update goes to the servers first, and all of them
 * must have done it before it is done here and anything behind it is taken: so the outbox is right at any time, and a
 * server that has less than it, or more, is seen to.
 */
import { FrameDecoder, sourceMessageRuns } from '@ds/codec';

import { SourceError } from '../errors.js';
import type { Request } from '../requests/request-log.js';
import type { Outbox } from './outbox.js';

/** Where requests go from here. */
export interface OutboxQueueOwner {
  /** An operation is durable, or a truncation or an update is to be done by all servers. */
  pass(request: Request): void;
  /** The outbox cannot be written: nothing can be committed any more. */
  failed(error: SourceError): void;
}

export class OutboxQueue {
  readonly #outbox: Outbox;
  readonly #streamType: bigint;
  readonly #owner: OutboxQueueOwner;
  /** Requests that wait for a truncation or an update; the first one is that. */
  readonly #waiting: Request[] = [];
  /** Operations that are being written. */
  readonly #writing = new Set<Request>();
  #failure: SourceError | undefined;

  constructor(outbox: Outbox, streamType: bigint, owner: OutboxQueueOwner) {
    this.#outbox = outbox;
    this.#streamType = streamType;
    this.#owner = owner;
  }

  get congested(): boolean {
    return this.#outbox.congested;
  }

  ready(): Promise<void> {
    return this.#outbox.ready();
  }

  push(request: Request): void {
    if (this.#failure) request.reject(this.#failure);
    else if (request.kind === 'operation' && this.#waiting.length === 0) void this.#store(request);
    else if (this.#waiting.push(request) === 1) this.#begin();
  }

  /** Rejects all that no server has seen yet. */
  fail(error: SourceError): void {
    this.#failure ??= error;
    for (const request of [...this.#writing, ...this.#waiting.splice(0)]) request.reject(error);
    this.#writing.clear();
  }

  async #store(request: Request): Promise<void> {
    this.#writing.add(request);
    try {
      await this.#append(request);
    } catch (cause) {
      this.#writing.delete(request);
      request.reject(this.#broken(cause));
      return;
    }
    this.#writing.delete(request);
    if (this.#failure) return;
    this.#owner.pass(request);
    this.#begin();
  }

  async #append({ bytes, entriesBefore }: Request): Promise<void> {
    const outbox = this.#outbox;
    if (outbox.nextEntry !== entriesBefore) {
      throw new Error(
        `its next entry is ${outbox.nextEntry}, not ${entriesBefore}: does somebody else write it?`,
      );
    }
    outbox.startAtomicOp();
    const messages = new FrameDecoder(sourceMessageRuns(this.#streamType));
    messages.push(bytes);
    try {
      for (let message = messages.next(); message; message = messages.next()) {
        if (message.kind === 'additions') outbox.addStreamMessages(message);
      }
    } catch (error) {
      outbox.rollbackAtomicOp();
      throw error;
    }
    await outbox.commitAtomicOp();
  }

  /** Begins a truncation or an update, if that is what is next, and all before it is passed on. */
  #begin(): void {
    const [change] = this.#waiting;
    if (!change || change.kind === 'operation' || this.#writing.size > 0) return;
    let isRefused = false;
    this.#owner.pass({
      ...change,
      forAll: true,
      resolve: () => {
        if (!isRefused) void this.#finish(change);
      },
      reject: (error) => {
        isRefused = true;
        change.reject(error);
        this.#goOn();
      },
    });
  }

  /** The servers have done it: now it is done here. */
  async #finish(change: Request): Promise<void> {
    try {
      await this.#change(change);
    } catch (cause) {
      change.reject(this.#broken(cause));
      return;
    }
    change.resolve();
    this.#goOn();
  }

  /** The truncation or update is over: what has waited for it comes in. */
  #goOn(): void {
    for (const request of this.#waiting.splice(0).slice(1)) this.push(request);
  }

  async #change({ kind, bytes, entriesAfter }: Request): Promise<void> {
    if (kind === 'truncation') {
      await this.#outbox.truncateFile(entriesAfter);
      return;
    }
    const messages = new FrameDecoder(sourceMessageRuns(this.#streamType));
    messages.push(bytes);
    const message = messages.next();
    if (message?.kind !== 'updateEntryData') return;
    await this.#outbox.updateEntryData(message.entryNumber, message.entryType, message.data);
  }

  /** What cannot be written once is not tried again: the numbers of all that follow depend on it. */
  #broken(cause: unknown): SourceError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const error = new SourceError('outbox', `the outbox cannot be written: ${reason}`, { cause });
    if (!this.#failure) {
      this.fail(error);
      this.#owner.failed(error);
    }
    return this.#failure ?? error;
  }
}
