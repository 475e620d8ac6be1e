/**
 * All servers of a source: one log for them, one link to each, and the rule by which a request is acknowledged.
 *
 * A server that is down or slow is fed later, from what the log keeps; one that is further behind than that is left out,
 * and so is one whose stream is another. Nobody waits for a server that is left out.
 */
import type { Header } from '@ds/codec';

import { SourceError } from '../errors.js';
import type { ServerAddress, ServerState } from '../options.js';
import type { OutboxReader } from '../outbox/outbox-reader.js';
import { RequestLog, type Request } from '../requests/request-log.js';
import { ServerLink, type ServerLinkOptions, type ServerLinkOwner } from './server-link.js';

export interface ServerGroupOptions {
  readonly servers: readonly ServerAddress[];
  readonly link: ServerLinkOptions;
  readonly quorum: 'all' | 'any' | number;
  readonly windowBytes: number;
  readonly keptBytesMax: number;
  readonly openMs: number;
  /** What servers are fed from that are further behind than the log reaches. */
  readonly outbox: OutboxReader | undefined;
  /** Told once why nothing can be written any more. */
  readonly onFailure: (error: SourceError) => void;
  readonly onServerState: ((state: ServerState) => void) | undefined;
}

export class ServerGroup implements ServerLinkOwner {
  readonly #options: ServerGroupOptions;
  readonly #links: readonly ServerLink[];
  readonly #running: Promise<unknown>;
  #log: RequestLog | undefined;
  /** What each server has said last: its entries when it was reached, or why it is not. */
  readonly #words = new Map<ServerLink, bigint | SourceError>();
  /** The first request that too few servers have acknowledged. */
  #settled = 0;
  /** Bytes of the requests from there on. */
  #unsettledBytes = 0;
  #waiters: { resolve(): void; reject(error: SourceError): void }[] = [];
  #failure: SourceError | undefined;

  constructor(options: ServerGroupOptions) {
    this.#options = options;
    this.#log = options.outbox && new RequestLog(options.outbox.entries);
    this.#links = options.servers.map((address) => new ServerLink(address, options.link, this));
    this.#running = Promise.all(this.#links.map((link) => link.run()));
  }

  get log(): RequestLog | undefined {
    return this.#log;
  }

  get outbox(): OutboxReader | undefined {
    return this.#options.outbox;
  }

  /** Why nothing can be written any more. */
  get failure(): SourceError | undefined {
    return this.#failure;
  }

  /** Resolves when it is known where the stream ends: the outbox says it, or the servers that can be reached. */
  async open(): Promise<RequestLog> {
    const { openMs } = this.#options;
    if (this.#log) return this.#log;
    const timer = setTimeout(() => {
      this.#makeLog();
      if (!this.#log) this.fail(this.#noServer(`no server was reached in ${openMs} ms`));
    }, openMs);
    try {
      return await this.#logMade();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a request to all servers. It resolves or rejects once enough of them have answered. */
  push(request: Request): void {
    if (this.#failure) {
      request.reject(this.#failure);
      return;
    }
    this.#log?.push(request);
    for (const link of this.#links) link.wake(request.bytes.length);
    if (this.#required === 0) this.acknowledged();
  }

  /** So many bytes of requests will be pushed. */
  announce(bytes: number): void {
    this.#unsettledBytes += bytes;
  }

  /** Whether so many bytes are unacknowledged that `ready` would wait. */
  get congested(): boolean {
    return this.#unsettledBytes > this.#options.windowBytes;
  }

  /** Resolves when few enough bytes are unacknowledged. */
  async ready(): Promise<void> {
    while (this.congested) await this.#progress();
  }

  /** Resolves when all requests are acknowledged, and no server that is connected lacks any. */
  async drained(): Promise<void> {
    while (this.#lacking) await this.#progress();
  }

  get #lacking(): boolean {
    const log = this.#log;
    // When nothing can be sent any more, what is acknowledged still is.
    if (this.#failure) return this.#unsettledBytes > 0;
    if (!log) return false;
    const { end } = log;
    // Servers may lack what only the outbox has.
    if (this.#unsettledBytes > 0 || this.#acknowledgedByEnough(log) < end) return true;
    return this.#links.some((link) => link.connected && link.acknowledged < end);
  }

  /** The committed header, from the first server that is connected. */
  async header(): Promise<Header> {
    for (const link of this.#links) if (link.connected) return link.header();
    throw this.#failure ?? this.#noServer('no server is connected');
  }

  /** Ends all connections. What is not acknowledged rejects with `closed`. */
  async close(): Promise<void> {
    this.fail(new SourceError('closed', 'the source is closed'));
    await this.#running;
  }

  opened(link: ServerLink, header: Header): Promise<RequestLog> {
    this.#said(link, header.totalEntries);
    return this.#logMade();
  }

  acknowledged(): void {
    const { log } = this;
    if (!log) return;
    const settled = this.#acknowledgedByEnough(log);
    for (; this.#settled < settled; this.#settled++) {
      const request = log.at(this.#settled);
      if (!request) continue;
      this.#unsettledBytes -= request.bytes.length;
      request.resolve();
    }
    this.#forget(log);
    this.#tellWaiters();
  }

  refused(request: Request, error: SourceError): void {
    request.reject(error);
  }

  stateChanged(link: ServerLink, state: ServerState): void {
    const { onServerState } = this.#options;
    // What goes wrong there is not this package's to catch.
    if (onServerState)
      queueMicrotask(() => {
        onServerState(state);
      });
    if (state.kind === 'connected') return;
    this.#said(link, state.error);
    this.#tellWaiters();
    if (state.kind === 'disconnected') return;
    if (state.error.code === 'fenced') this.fail(state.error);
    else if (this.#active.length < this.#required) {
      const left = this.#active.length === 0 ? 'no server is left' : 'too few servers are left';
      this.fail(new SourceError('no-server', `${left}: ${state.error.message}`, { cause: state.error }));
    } else this.acknowledged();
  }

  get #active(): readonly ServerLink[] {
    return this.#links.filter((link) => !link.leftOut);
  }

  /** How many servers must have acknowledged a request. */
  get #required(): number {
    const { quorum } = this.#options;
    if (quorum === 'any') return 1;
    return quorum === 'all' ? Math.max(1, this.#active.length) : quorum;
  }

  /** The first request that fewer servers than required have acknowledged. */
  #acknowledgedByEnough(log: RequestLog): number {
    const { end } = log;
    const acknowledged = this.#active.map((link) => link.acknowledged).sort((a, b) => b - a);
    const enough = this.#required === 0 ? end : (acknowledged[this.#required - 1] ?? 0);
    const needsAll = enough === end && log.at(end - 1)?.forAll === true;
    return needsAll && acknowledged.some((number) => number < end) ? end - 1 : enough;
  }

  /** Forgets what no server needs. Those that need more than is kept are fed from the outbox, or left out. */
  #forget(log: RequestLog): void {
    const needed = Math.min(this.#settled, ...this.#active.map((link) => link.acknowledged));
    log.forgetBefore(needed);
    while (log.bytes - this.#unsettledBytes > this.#options.keptBytesMax && log.first < this.#settled) {
      log.forgetBefore(log.first + 1);
    }
    for (const link of this.#active) {
      if (link.acknowledged >= log.first) continue;
      const message = `${link.server}: further behind than the ${this.#options.keptBytesMax} bytes that are kept`;
      if (this.outbox)
        link.fallBehind(new SourceError('disconnected', `${message}: it is fed from the outbox`));
      else link.leaveOut(new SourceError('differs', message));
    }
  }

  /** Takes what a server says; where the stream ends is known when all have spoken. */
  #said(link: ServerLink, word: bigint | SourceError): void {
    this.#words.set(link, word);
    if (this.#words.size === this.#links.length) this.#makeLog();
  }

  /** The stream ends where it does on the server that has most of it. */
  #makeLog(): void {
    const entries = [...this.#words.values()].filter((word) => typeof word === 'bigint');
    if (this.#log || entries.length === 0) return;
    this.#log = new RequestLog(entries.reduce((most, some) => (some > most ? some : most)));
    this.#tellWaiters();
  }

  async #logMade(): Promise<RequestLog> {
    while (!this.#log) await this.#progress();
    return this.#log;
  }

  #tellWaiters(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }

  #progress(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Ends all, because of an error that leaves nothing to be done. */
  fail(error: SourceError): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#options.onFailure(error);
    for (const link of this.#links) link.close();
    for (let number = this.#settled; this.#log && number < this.#log.end; number++)
      this.#log.at(number)?.reject(error);
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  /** That no server is there, and what each of them has said last. */
  #noServer(message: string): SourceError {
    const reasons = [...this.#words.values()].filter((word) => word instanceof SourceError);
    const reason = reasons.length === 0 ? 'no answer' : reasons.map((error) => error.message).join('; ');
    return new SourceError('no-server', `${message}: ${reason}`, { cause: reasons[0] });
  }
}
