/**
 * The way to one server: connects, finds out what the server lacks, and has that sent; starts over when the connection is
 * lost. Each server is fed at its own pace.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { ResultCode, type Header } from '@ds/codec';

import { SourceError } from '../errors.js';
import type { RetryOptions, ServerAddress, ServerState } from '../options.js';
import type { Request, RequestLog } from '../requests/request-log.js';
import { LinkConnection, type LinkConnectionOptions } from './link-connection.js';

export interface ServerLinkOptions extends LinkConnectionOptions {
  readonly retry: RetryOptions;
}

/** What a link needs of the source. */
export interface ServerLinkOwner {
  /** The requests; undefined until the source knows where the stream ends. */
  readonly log: RequestLog | undefined;
  /** The server was reached; resolves with the requests when the source knows where the stream ends. */
  opened(link: ServerLink, header: Header): Promise<RequestLog>;
  /** The server has acknowledged all requests before `link.acknowledged`. */
  acknowledged(): void;
  /** The server has refused an update, which all servers answer alike. */
  refused(request: Request, error: SourceError): void;
  stateChanged(link: ServerLink, state: ServerState): void;
}

/** Refusals that no other attempt will change. */
const finalRefusals = new Set<number>([
  ResultCode.unauthorized,
  ResultCode.protocolVersion,
  ResultCode.wrongSystemId,
  ResultCode.invalidCommand,
  ResultCode.entryTooLarge,
  ResultCode.badBookmark,
  ResultCode.badEntryType,
]);

export class ServerLink {
  /** `host:port`, for messages. */
  readonly server: string;
  readonly #address: ServerAddress;
  readonly #options: ServerLinkOptions;
  readonly #owner: ServerLinkOwner;
  readonly #closing = new AbortController();
  #connection: LinkConnection | undefined;
  /** The request that this server needs next, as far as it has acknowledged. */
  #acknowledged = 0;
  /** The first request of which nothing was ever sent to this server: it cannot have come further. */
  #unsent = 0;
  #leftOut: SourceError | undefined;

  constructor(address: ServerAddress, options: ServerLinkOptions, owner: ServerLinkOwner) {
    this.#address = address;
    this.server = address.host.includes(':')
      ? `[${address.host}]:${address.port}`
      : `${address.host}:${address.port}`;
    this.#options = options;
    this.#owner = owner;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Why this server gets nothing any more. */
  get leftOut(): SourceError | undefined {
    return this.#leftOut;
  }

  get connected(): boolean {
    return this.#connection?.ready === true;
  }

  /** Feeds the server until it is left out or the link is closed. Never rejects. */
  async run(): Promise<void> {
    let failures = 0;
    while (!this.#ended()) {
      const startedMs = performance.now();
      try {
        await this.#connectAndFeed(() => (failures = 0));
      } catch (cause) {
        const error =
          cause instanceof SourceError ? cause : new SourceError('protocol', String(cause), { cause });
        if (this.#ended()) return;
        if (isFinal(error)) {
          this.leaveOut(error);
          return;
        }
        this.#owner.stateChanged(this, { kind: 'disconnected', server: this.server, error });
        const { firstMs, longestMs } = this.#options.retry;
        if (performance.now() - startedMs > longestMs) failures = 0;
        const waitMs = Math.min(longestMs, firstMs * 2 ** failures++) * (0.5 + Math.random() / 2);
        await sleep(waitMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      }
    }
  }

  #ended(): boolean {
    return this.#closing.signal.aborted || this.#leftOut !== undefined;
  }

  /** There are so many new bytes to send. */
  wake(bytes: number): void {
    this.#connection?.sendSoon(bytes);
  }

  /** The committed header, from the server itself. */
  header(): Promise<Header> {
    if (!this.#connection) throw new SourceError('disconnected', `${this.server}: not connected`);
    return this.#connection.askHeader();
  }

  /** Gives the server up. */
  leaveOut(error: SourceError): void {
    if (this.#leftOut) return;
    this.#leftOut = error;
    this.#connection?.fail(error);
    this.#owner.stateChanged(this, { kind: 'left-out', server: this.server, error });
  }

  close(): void {
    this.#closing.abort();
    this.#connection?.fail(new SourceError('closed', `${this.server}: closed by this side`));
  }

  async #connectAndFeed(onProgress: () => void): Promise<void> {
    const { server } = this;
    const connection = new LinkConnection(server, this.#address, this.#options, {
      log: () => this.#owner.log,
      sending: (number) => {
        this.#unsent = Math.max(this.#unsent, number + 1);
      },
      acknowledge: (next) => {
        onProgress();
        this.#acknowledged = next;
        this.#owner.acknowledged();
      },
      refused: (request, error) => {
        this.#owner.refused(request, error);
      },
    });
    this.#connection = connection;
    try {
      const header = await connection.open();
      const log = await Promise.race([this.#owner.opened(this, header), connection.failed]);
      const next = log.find(header.totalEntries, this.#acknowledged, this.#unsent);
      if (next === undefined) throw streamDiffers(server, header, log.entriesBefore(this.#unsent));
      this.#acknowledged = next;
      this.#owner.stateChanged(this, { kind: 'connected', server, totalEntries: header.totalEntries });
      this.#owner.acknowledged();
      connection.feedFrom(next);
      await connection.failed;
    } finally {
      this.#connection = undefined;
      connection.fail(new SourceError('disconnected', `${server}: the connection is not used any more`));
    }
  }
}

function isFinal({ code, result }: SourceError): boolean {
  return (
    code === 'fenced' ||
    code === 'differs' ||
    code === 'protocol' ||
    (result !== undefined && finalRefusals.has(result.code))
  );
}

function streamDiffers(server: string, { totalEntries }: Header, known: bigint): SourceError {
  const reason =
    totalEntries > known
      ? `more than the ${known} that it had or was sent by this source`
      : `and not all that it lacks of ${known} is kept by this source, or it ends within an operation`;
  return new SourceError('differs', `${server}: the server has ${totalEntries} entries, ${reason}`);
}
