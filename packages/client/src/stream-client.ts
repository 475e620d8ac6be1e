/** The client of a stream: asks for single entries, and follows the stream over lost connections. */
import { setMaxListeners } from 'node:events';

import { equalBytes, ResultCode, type Entry, type EntryBatch, type Header } from '@ds/codec';

import { formatAddress, parseAddress, type ServerAddress } from './address.js';
import { Connection } from './connection.js';
import { ClientError } from './errors.js';
import { defaultRetry, Retry, type RetryOptions } from './retry.js';

export interface StreamClientOptions {
  /** The server: `host:port`, or both apart. */
  readonly server: string | ServerAddress;
  /** Kind of stream. Default 1, a sequencer's. */
  readonly streamType?: bigint;
  /** Time to connect, in milliseconds. Default 10 s. */
  readonly connectMs?: number;
  /** Time for the server to answer, in milliseconds. Default 10 s. */
  readonly answerMs?: number;
  /** Bytes of entries held for a slow consumer before the server is held back. Default 1 MiB. */
  readonly heldBytesMax?: number;
  /** When a lost connection is made again while following. */
  readonly retry?: Partial<RetryOptions>;
  /** Told what becomes of the connection while following. */
  readonly onState?: (state: FollowState) => void;
}

/** What the options are if they are not given. */
export const defaultOptions = {
  streamType: 1n,
  connectMs: 10_000,
  answerMs: 10_000,
  heldBytesMax: 1 << 20,
};

/** What following is doing. */
export type FollowState =
  | { readonly kind: 'connecting'; readonly server: string }
  /** Streaming from `nextEntry` on; the stream had `totalEntries` entries then. */
  | { readonly kind: 'streaming'; readonly server: string; readonly header: Header }
  /** The connection was lost for `error`, and will be made again. */
  | { readonly kind: 'reconnecting'; readonly server: string; readonly error: ClientError };

export interface FollowOptions {
  /** Where to start: an entry's number, a bookmark's key, or `latest`: with the next entry to come. Default 0. */
  readonly from?: bigint | Uint8Array | 'latest';
  /**
   * The entry before `from`, as it stands on the wire, which must be the server's too: for whoever goes on with a stream
   * that was followed before. Only where `from` is a number above 0.
   */
  readonly after?: Uint8Array;
  /** Ends after so many entries. */
  readonly count?: bigint;
  /** Ends after this entry. */
  readonly until?: bigint;
  /** Ends it with `closed`. */
  readonly signal?: AbortSignal;
}

/** A client of one server. Queries share a connection; each `follow` has one of its own. */
export class StreamClient implements AsyncDisposable {
  readonly #address: ServerAddress;
  readonly #options: StreamClientOptions;
  readonly #closing = new AbortController();
  #queries: Promise<Connection> | undefined;

  /** Connects when something is asked for. Throws a `ClientError` `bad-option` for an address that is none. */
  constructor(options: StreamClientOptions) {
    this.#options = options;
    // Everything that is under way listens for the end.
    setMaxListeners(0, this.#closing.signal);
    const { server } = options;
    this.#address = parseAddress(typeof server === 'string' ? server : formatAddress(server));
  }

  /** Identity and size of the stream. */
  header(): Promise<Header> {
    return this.#query((connection) => connection.header());
  }

  /** As `header`, but waits for a server that cannot be reached, as long as `retry` says. `signal` ends the wait with `closed`. */
  async reach(signal?: AbortSignal): Promise<Header> {
    const retry = this.#retry(signal);
    for (;;) {
      try {
        return await this.header();
      } catch (error) {
        await this.#waitToReconnect(retry, this.#name, error);
      }
    }
  }

  /** The entry with this number; undefined if there is none. */
  entry(entryNumber: bigint): Promise<Entry | undefined> {
    return this.#query((connection) => connection.entry(entryNumber));
  }

  /** The first entry at or after a bookmark that is not a bookmark itself; undefined if there is none. */
  bookmark(key: Uint8Array): Promise<Entry | undefined> {
    return this.#query((connection) => connection.bookmark(key));
  }

  /** The stream's entries, one by one, for ever or as far as asked for. Their data are views that stay what they are. */
  async *follow(options: FollowOptions = {}): AsyncGenerator<Entry, void, undefined> {
    for await (const batch of this.followBatches(options)) yield* batch;
  }

  /**
   * The stream's entries as they come, many at a time: faster, and as bytes to be passed on.
   *
   * Goes on over lost connections, exactly where it was, once the server has shown that it still has the last entry
   * before that. Throws a `ClientError`: `beyond-end` when the stream ends before the next entry, `unknown-bookmark`,
   * `wrong-stream` when it is not the stream followed before, `sequence`, `protocol`, `refused`, or what has kept it
   * from connecting after too many attempts.
   */
  async *followBatches(options: FollowOptions = {}): AsyncGenerator<EntryBatch, void, undefined> {
    const signal = this.#ending(options.signal);
    const retry = this.#retry(options.signal);
    let from = options.from ?? 0n;
    let left = entriesWanted(options);
    let identity: Header | undefined;
    let seen = options.after;
    let last: EntryBatch | undefined;
    while (left === undefined || left > 0n) {
      let connection: Connection | undefined;
      try {
        connection = await this.#open(signal);
        const header = await connection.header();
        checkIdentity(connection, header, identity);
        identity = header;
        if (from === 'latest') {
          from = header.totalEntries;
          left ??= entriesWanted({ ...options, from });
          if (left === 0n) return;
        }
        if (last) seen = last.slice(last.count - 1, last.count).bytes;
        let unseen = await start(connection, from, header, seen);
        retry.connected();
        this.#options.onState?.({ kind: 'streaming', server: connection.server, header });
        while (left === undefined || left > 0n) {
          const due: boolean = typeof from !== 'bigint' || from < header.totalEntries;
          let batch: EntryBatch = unseen ?? (await (due ? connection.dueBatch() : connection.nextBatch()));
          unseen = undefined;
          retry.reset();
          if (options.until !== undefined) left ??= options.until - batch.firstEntry + 1n;
          if (left !== undefined) {
            if (left <= 0n) return;
            if (left < BigInt(batch.count)) batch = batch.slice(0, Number(left));
            left -= BigInt(batch.count);
          }
          from = batch.firstEntry + BigInt(batch.count);
          last = batch;
          yield batch;
        }
      } catch (error) {
        await this.#waitToReconnect(retry, connection?.server ?? this.#name, error);
      } finally {
        connection?.close();
      }
    }
  }

  /** Ends all that is under way with `closed`. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#queries?.catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #name(): string {
    return formatAddress(this.#address);
  }

  /** The signal that ends what was started with `signal`. */
  #ending(signal: AbortSignal | undefined): AbortSignal {
    return signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
  }

  #retry(signal: AbortSignal | undefined): Retry {
    return new Retry({ ...defaultRetry, ...this.#options.retry }, this.#ending(signal));
  }

  /** Throws `error` if it is not worth another try, or there have been too many. */
  async #waitToReconnect(retry: Retry, server: string, error: unknown): Promise<void> {
    if (!(error instanceof ClientError) || !isWorthRetrying(error)) throw error;
    this.#options.onState?.({ kind: 'reconnecting', server, error });
    await retry.wait(error);
  }

  /** Asks on the connection for queries. A server may end it while it is idle: then a new one is asked, once. */
  async #query<T>(ask: (connection: Connection) => Promise<T>): Promise<T> {
    const used = this.#queries;
    try {
      return await ask(await this.#queryConnection());
    } catch (error) {
      const ended = error instanceof ClientError && error.code === 'disconnected';
      if (!used || !ended || this.#closing.signal.aborted) throw error;
      return ask(await this.#queryConnection());
    }
  }

  /** The connection for queries: the one that is there, unless it has failed. */
  async #queryConnection(): Promise<Connection> {
    const current = this.#queries;
    if (current) {
      const connection = await current;
      if (!connection.failure) return connection;
      if (this.#queries !== current) return this.#queryConnection();
    }
    const opening = this.#open(this.#closing.signal);
    this.#queries = opening;
    opening.catch(() => {
      if (this.#queries === opening) this.#queries = undefined;
    });
    return opening;
  }

  #open(signal: AbortSignal): Promise<Connection> {
    this.#options.onState?.({ kind: 'connecting', server: this.#name });
    return Connection.open(this.#address, { ...defaultOptions, ...this.#options, signal });
  }
}

/** How many entries are wanted, as far as it is known before the first one: undefined is without end. */
function entriesWanted({ from = 0n, count, until }: FollowOptions): bigint | undefined {
  if (count !== undefined && until !== undefined) {
    throw new ClientError('bad-option', 'follow takes `count` or `until`, not both');
  }
  if (count !== undefined && count < 0n) throw new ClientError('bad-option', `a count of ${count} entries`);
  if (until !== undefined && typeof from === 'bigint') return until < from ? 0n : until - from + 1n;
  return count;
}

/**
 * Starts the stream. Where the entry before `from` has been seen, it is asked for again, on this very connection, so that
 * nothing can change between the check and the stream; what has come behind it is returned.
 */
async function start(
  connection: Connection,
  from: bigint | Uint8Array,
  header: Header,
  seen: Uint8Array | undefined,
): Promise<EntryBatch | undefined> {
  if (typeof from === 'bigint' && from > header.totalEntries) {
    throw beyondEnd(connection, from, header.totalEntries);
  }
  const overlap = typeof from === 'bigint' && from > 0n ? seen : undefined;
  try {
    await connection.start(overlap && typeof from === 'bigint' ? from - 1n : from);
  } catch (cause) {
    if (!(cause instanceof ClientError)) throw cause;
    if (cause.result?.code === ResultCode.badFromBookmark) {
      throw new ClientError('unknown-bookmark', `${connection.server}: the bookmark is not known`, { cause });
    }
    if (cause.result?.code === ResultCode.badFromEntry && typeof from === 'bigint') {
      throw beyondEnd(connection, from, (await connection.header()).totalEntries, cause);
    }
    throw cause;
  }
  if (!overlap) return undefined;
  const batch = await connection.dueBatch();
  if (!equalBytes(batch.slice(0, 1).bytes, overlap)) {
    const message = `${connection.server}: entry ${batch.firstEntry} is not what it was: this is not the stream followed before`;
    throw new ClientError('wrong-stream', message, { totalEntries: header.totalEntries });
  }
  return batch.count > 1 ? batch.slice(1, batch.count) : undefined;
}

function beyondEnd({ server }: Connection, from: bigint, totalEntries: bigint, cause?: unknown): ClientError {
  const message = `${server}: entry ${from} is beyond the stream's end: it has ${totalEntries} entries`;
  return new ClientError('beyond-end', message, { cause, totalEntries });
}

function checkIdentity({ server }: Connection, header: Header, before: Header | undefined): void {
  if (!before || (header.systemId === before.systemId && header.streamType === before.streamType)) return;
  throw new ClientError(
    'wrong-stream',
    `${server}: the stream has system id ${header.systemId} and type ${header.streamType}, ` +
      `but the one followed so far has ${before.systemId} and ${before.streamType}`,
  );
}

function isWorthRetrying({ code, result }: ClientError): boolean {
  if (code === 'refused')
    return result?.code === ResultCode.serverFull || result?.code === ResultCode.shuttingDown;
  return code === 'connect' || code === 'disconnected' || code === 'timeout';
}
