/** The client of a stream: asks for single entries, and follows the stream over lost connections. */
import { setMaxListeners } from 'node:events';

import type { Entry, EntryBatch, Header } from '@ds/codec';

import { formatAddress, type ServerAddress } from './connecting/address.js';
import { Connection, type ConnectionOptions } from './connecting/connection.js';
import { dialTcp, dialTls } from './connecting/dial.js';
import { Servers } from './connecting/servers.js';
import { ClientError } from './errors.js';
import { followBatches } from './following/batches.js';
import { BatchFollowing, EntryFollowing, type Following, type Source } from './following/following.js';
import type { BatchOptions, FollowOptions } from './following/options.js';
import { Track } from './following/track.js';
import {
  checkNumbers,
  defaultOptions,
  serverAddresses,
  tokenBytes,
  type StreamClientOptions,
} from './options.js';

export interface QueryOptions {
  /** Ends the wait for the answer with `closed`. */
  readonly signal?: AbortSignal;
}

/** Makes the connection for queries. */
type Open = () => Promise<Connection>;

/** A client of one stream. Queries share a connection; each `follow` has one of its own. */
export class StreamClient implements AsyncDisposable {
  readonly #addresses: readonly ServerAddress[];
  readonly #options: StreamClientOptions;
  readonly #connecting: Omit<ConnectionOptions, 'signal'>;
  readonly #closing = new AbortController();
  #queries: Promise<Connection> | undefined;
  #totalEntries: bigint | undefined;

  /** Connects when something is asked for. Throws a `ClientError` `bad-option` for an address or a number that is none. */
  constructor(options: StreamClientOptions) {
    this.#options = options;
    // Everything that is under way listens for the end.
    setMaxListeners(0, this.#closing.signal);
    this.#addresses = serverAddresses(options.server);
    checkNumbers(options);
    const { bufferBytes, ...times } = { ...defaultOptions, ...options };
    const { tls = false } = options;
    this.#connecting = {
      ...times,
      token: tokenBytes(options),
      dial: options.dial ?? (tls === false ? dialTcp(bufferBytes) : dialTls(tls === true ? {} : tls)),
    };
  }

  /** Identity and size of the stream. */
  header(options: QueryOptions = {}): Promise<Header> {
    return this.#header(options);
  }

  /** As `header`, but waits for a server that cannot be reached, as long as `retry` says. */
  async reach(options: QueryOptions = {}): Promise<Header> {
    const servers = this.#servers(this.#closing.signal, this.#ending(options.signal));
    for (;;) {
      try {
        return await this.#header(options, () => servers.connect());
      } catch (error) {
        await servers.failed(error);
      }
    }
  }

  /** The entry with this number; undefined if there is none. */
  entry(entryNumber: bigint, options: QueryOptions = {}): Promise<Entry | undefined> {
    return this.#query(options, (connection) => connection.entry(entryNumber));
  }

  /** The first entry at or after a bookmark that is not a bookmark itself; undefined if there is none. */
  bookmark(key: Uint8Array, options: QueryOptions = {}): Promise<Entry | undefined> {
    return this.#query(options, (connection) => connection.bookmark(key));
  }

  /**
   * The stream's entries, one by one, for ever or as far as asked for. Their data stay what they are.
   *
   * Goes on over lost connections, exactly where it was, once the server has shown that it still has the last entry
   * before that. Throws a `ClientError`: `beyond-end` when the stream ends before the next entry, `unknown-bookmark`,
   * `wrong-stream` when it is not the stream followed before, `sequence`, `protocol`, `refused`, `unauthorized`,
   * `no-authentication`, or what has kept it from connecting after too many attempts.
   */
  follow(options: FollowOptions = {}): Following<Entry> {
    const { types, count, ...rest } = options;
    // The batches count for themselves what is not passed over.
    const batches = types || count === undefined ? rest : { ...rest, count };
    return new EntryFollowing(this.#follow(batches), options);
  }

  /** As `follow`, but gives entries as they come, many at a time: faster, and as bytes to be passed on. */
  followBatches(options: BatchOptions = {}): Following<EntryBatch> {
    return new BatchFollowing(this.#follow(options));
  }

  /** Ends all that is under way with `closed`. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#queries?.catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #follow(options: BatchOptions): Source {
    const ending = new AbortController();
    const track = new Track(options.from ?? 0n);
    const servers = this.#servers(AbortSignal.any([this.#ending(options.signal), ending.signal]));
    const batches = followBatches(servers, track, options, {
      header: ({ totalEntries }) => (this.#totalEntries = totalEntries),
      state: (state) => this.#options.onState?.(state),
    });
    return { batches, track, ending, totalEntries: () => this.#totalEntries };
  }

  #servers(signal: AbortSignal, waiting?: AbortSignal): Servers {
    const { retry, onState = () => undefined } = this.#options;
    return new Servers({ ...this.#connecting, signal, addresses: this.#addresses, retry, onState }, waiting);
  }

  async #header(options: QueryOptions, open?: Open): Promise<Header> {
    const header = await this.#query(options, (connection) => connection.header(), open);
    this.#totalEntries = header.totalEntries;
    return header;
  }

  /** The signal that ends what was started with `signal`. */
  #ending(signal: AbortSignal | undefined): AbortSignal {
    return signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
  }

  /** Asks on the connection for queries. A server may end it while it is idle: then a new one is asked, once. */
  async #query<T>(
    { signal }: QueryOptions,
    ask: (connection: Connection) => Promise<T>,
    open: Open = () => this.#openAny(),
  ): Promise<T> {
    return unlessAborted(signal, async () => {
      const used = this.#queries;
      try {
        return await ask(await this.#queryConnection(open));
      } catch (error) {
        const ended = error instanceof ClientError && error.code === 'disconnected';
        if (!used || !ended || this.#closing.signal.aborted) throw error;
        return ask(await this.#queryConnection(open));
      }
    });
  }

  /** The connection for queries: the one that is there, unless it has failed. */
  async #queryConnection(open: Open): Promise<Connection> {
    const current = this.#queries;
    if (current) {
      const connection = await current;
      if (!connection.failure) return connection;
      if (this.#queries !== current) return this.#queryConnection(open);
    }
    const opening = open();
    this.#queries = opening;
    opening.catch(() => {
      if (this.#queries === opening) this.#queries = undefined;
    });
    return opening;
  }

  /** A connection to the first server that can be reached. */
  async #openAny(): Promise<Connection> {
    const options = { ...this.#connecting, signal: this.#closing.signal };
    let failure: unknown;
    for (const address of this.#addresses) {
      this.#options.onState?.({ kind: 'connecting', server: formatAddress(address) });
      try {
        return await Connection.open(address, options);
      } catch (error) {
        failure = error;
        if (this.#closing.signal.aborted) break;
      }
    }
    throw failure;
  }
}

/** What `act` resolves to, unless the signal is aborted first. */
async function unlessAborted<T>(signal: AbortSignal | undefined, act: () => Promise<T>): Promise<T> {
  if (!signal) return act();
  const aborted = (): ClientError =>
    new ClientError('closed', 'the question was given up', { cause: signal.reason });
  if (signal.aborted) throw aborted();
  let abort = (): void => undefined;
  const given = new Promise<never>((_resolve, reject) => {
    abort = () => {
      reject(aborted());
    };
  });
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([act(), given]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
