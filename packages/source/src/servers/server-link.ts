/**
 * The way to one server: connects, finds out what the server lacks, and has that sent; starts over when the connection is
 * lost. Each server is fed at its own pace.
 */
import { ResultCode, type Header } from '@ds/codec';

import { SourceError } from '../errors.js';
import type { RetryOptions, ServerAddress, ServerState } from '../options.js';
import type { OutboxReader } from '../outbox/outbox-reader.js';
import type { Request, RequestLog } from '../requests/request-log.js';
import { CatchUp } from './catch-up.js';
import { LinkConnection, type LinkConnectionOptions, type LinkConnectionOwner } from './link-connection.js';

export interface ServerLinkOptions extends LinkConnectionOptions {
  readonly ownsEpoch: boolean;
  readonly retry: RetryOptions;
}

/** What a link needs of the source. */
export interface ServerLinkOwner {
  /** What stands behind the requests that are kept, if there is an outbox. */
  readonly outbox: OutboxReader | undefined;
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
  /** The request that this server needs next, as far as it has acknowledged; -1 if it may lack what only the outbox has. */
  #acknowledged: number;
  /** The first request of which nothing was ever sent to this server: it cannot have come further. */
  #unsent = 0;
  #leftOut: SourceError | undefined;
  /** That of the next connection. */
  #epoch: bigint;
  /** Whether the server has let this source in. */
  #isKnown = false;
  /** What is under way while the server is fed from the outbox. */
  #catchUp: CatchUp | undefined;

  constructor(address: ServerAddress, options: ServerLinkOptions, owner: ServerLinkOwner) {
    this.#address = address;
    this.server = address.host.includes(':')
      ? `[${address.host}]:${address.port}`
      : `${address.host}:${address.port}`;
    this.#options = options;
    this.#epoch = options.epoch;
    this.#owner = owner;
    this.#acknowledged = owner.outbox ? -1 : 0;
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
        const code = this.#owner.outbox ? 'outbox' : 'protocol';
        const error =
          cause instanceof SourceError
            ? cause
            : new SourceError(code, `${this.server}: ${String(cause)}`, { cause });
        if (this.#ended()) return;
        if (isFinal(error)) {
          this.leaveOut(error);
          return;
        }
        if (this.#isOwnPlace(error)) this.#epoch++;
        this.#owner.stateChanged(this, { kind: 'disconnected', server: this.server, error });
        const { firstMs, longestMs } = this.#options.retry;
        if (performance.now() - startedMs > longestMs) failures = 0;
        const waitMs = Math.min(longestMs, firstMs * 2 ** failures++) * (0.5 + Math.random() / 2);
        await pause(waitMs, this.#closing.signal);
      }
    }
  }

  /** Whether what holds the place at the server can only be a connection of this source that was lost there unnoticed. */
  #isOwnPlace({ result }: SourceError): boolean {
    return this.#options.ownsEpoch && this.#isKnown && result?.code === ResultCode.sourceConnected;
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

  /** What the server needs next is not kept any more: it is connected to anew, and fed from the outbox. */
  fallBehind(error: SourceError): void {
    if (this.connected && !this.#catchUp) this.#connection?.fail(error);
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
    const options = { ...this.#options, epoch: this.#epoch };
    const owner: LinkConnectionOwner = {
      sending: (number) => {
        if (!this.#catchUp) this.#unsent = Math.max(this.#unsent, number + 1);
      },
      acknowledge: (next) => {
        onProgress();
        if (this.#catchUp) {
          this.#catchUp.acknowledge(next);
          return;
        }
        this.#acknowledged = next;
        this.#owner.acknowledged();
      },
      refused: (request, error) => {
        this.#owner.refused(request, error);
      },
    };
    const connection = new LinkConnection(server, this.#address, options, owner, this.#isKnown);
    this.#connection = connection;
    try {
      const header = await connection.open();
      this.#isKnown = true;
      // Whatever is still on its way on this connection when the next one is there cannot come in.
      if (this.#options.ownsEpoch) this.#epoch++;
      const log = await Promise.race([this.#owner.opened(this, header), connection.failed]);
      const found = await this.#locate(log, header);
      this.#owner.stateChanged(this, { kind: 'connected', server, totalEntries: header.totalEntries });
      const next = found ?? (await this.#catchUpWith(log, header, connection));
      this.#acknowledged = next;
      this.#unsent = Math.max(this.#unsent, next);
      this.#owner.acknowledged();
      connection.feed(log, next);
      await connection.failed;
    } finally {
      this.#connection = undefined;
      this.#catchUp = undefined;
      connection.fail(new SourceError('disconnected', `${server}: the connection is not used any more`));
    }
  }

  /**
   * The request that the server needs next; undefined if it is one that only the outbox has.
   * @throws {SourceError} `differs`
   */
  async #locate(log: RequestLog, header: Header): Promise<number | undefined> {
    const { outbox } = this.#owner;
    if (outbox && !(await outbox.agrees(header))) throw lengthDiffers(this.server, header, outbox.entries);
    const next = log.find(header.totalEntries, this.#acknowledged, this.#unsent);
    if (next !== undefined) return next;
    if (outbox && header.totalEntries <= log.entriesBefore(log.first)) return undefined;
    throw streamDiffers(this.server, header, log.entriesBefore(this.#unsent));
  }

  async #catchUpWith(log: RequestLog, header: Header, connection: LinkConnection): Promise<number> {
    const { outbox } = this.#owner;
    if (!outbox) throw streamDiffers(this.server, header, log.entriesBefore(this.#unsent));
    this.#catchUp = new CatchUp(outbox, log, header.totalEntries);
    try {
      return await this.#catchUp.run(connection);
    } catch (cause) {
      if (!(cause instanceof SourceError) || cause.code !== 'too-large') throw cause;
      throw new SourceError(cause.code, `${this.server}: ${cause.message}`, { cause });
    } finally {
      this.#catchUp = undefined;
    }
  }
}

/** Resolves after so many milliseconds, or when the signal fires. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

function isFinal({ code, result }: SourceError): boolean {
  return (
    code === 'fenced' ||
    code === 'differs' ||
    code === 'protocol' ||
    code === 'too-large' ||
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

function lengthDiffers(server: string, { totalEntries, totalLength }: Header, known: bigint): SourceError {
  const reason =
    totalEntries > known
      ? `more than the ${known} of the outbox`
      : `which take ${totalLength} bytes, and not as many as in the outbox`;
  return new SourceError('differs', `${server}: the server has ${totalEntries} entries, ${reason}`);
}
