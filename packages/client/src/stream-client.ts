/** The client of a stream: asks for single entries, and follows the stream over lost connections. */
import { setMaxListeners } from 'node:events';

import type { Entry, EntryBatch, Header } from '@ds/codec';

import type { Connection } from './connecting/connection.js';
import { QueryConnection } from './connecting/query-connection.js';
import { Retry } from './connecting/retry.js';
import { Servers } from './connecting/servers.js';
import { ClientError } from './errors.js';
import { followBatches } from './following/batches.js';
import { BatchFollowing, EntryFollowing, type Following, type Source } from './following/following.js';
import {
  checkFollowing,
  checkKey,
  type BatchOptions,
  type FollowOptions,
  type WaitOptions,
} from './following/options.js';
import { Track } from './following/track.js';
import type { StreamClientOptions } from './options.js';
import { settingsOf, type ClientSettings } from './settings.js';

/** A client of one stream. Queries share a connection; each `follow` has one of its own. */
export class StreamClient implements AsyncDisposable {
  readonly #settings: ClientSettings;
  readonly #closing = new AbortController();
  readonly #queries: QueryConnection;
  #totalEntries: bigint | undefined;

  /**
   * Connects when something is asked for, not before.
   * @throws {ClientError} `bad-option` for options that make no sense
   */
  constructor(options: StreamClientOptions) {
    this.#settings = settingsOf(options);
    // Everything that is under way listens for the end.
    const { signal } = this.#closing;
    setMaxListeners(0, signal);
    this.#queries = new QueryConnection({ ...this.#settings, signal });
  }

  /**
   * Identity and committed size of the stream.
   *
   * This and the other queries throw a `ClientError`: `connect`, `disconnected`, `timeout`, `refused`, `unauthorized`,
   * `no-authentication`, `protocol`, or `closed`.
   */
  header(options: WaitOptions = {}): Promise<Header> {
    return this.#header(options);
  }

  /** As `header`, but waits for a server that is not there yet, as long as `retry` says. */
  reach(options: WaitOptions = {}): Promise<Header> {
    return this.#header(options, new Retry(this.#settings.retry, this.#ending(options.signal)));
  }

  /**
   * The entry with this number, a u64; undefined if there is none.
   * @throws {ClientError} as `header`, and `bad-option` for what is no u64
   */
  entry(entryNumber: bigint, options: WaitOptions = {}): Promise<Entry | undefined> {
    return this.#query(options, (connection) => connection.entry(entryNumber));
  }

  /**
   * The first entry at or after a bookmark that is not a bookmark itself; undefined if there is none, or no such bookmark.
   * @param key 1 to 16 bytes
   * @throws {ClientError} as `header`, and `bad-option` for a key that no bookmark has
   */
  async bookmark(key: Uint8Array, options: WaitOptions = {}): Promise<Entry | undefined> {
    checkKey(key);
    return this.#query(options, (connection) => connection.bookmark(key));
  }

  /**
   * The stream's entries, one by one, for ever or as far as asked for. Their data stay what they are.
   *
   * Goes on over lost connections, exactly where it was, once the server has shown that it still has the last entry
   * before that. The loop throws a `ClientError`: `beyond-end` when the stream ends before the next entry,
   * `unknown-bookmark`, `wrong-stream` when it is not the stream followed before, `sequence`, `protocol`, `refused`,
   * `unauthorized`, `no-authentication`, `closed`, or what has kept it from connecting after too many attempts.
   *
   * @throws {ClientError} `bad-option` at once, for options that make no sense
   */
  follow(options: FollowOptions = {}): Following<Entry> {
    checkFollowing(options);
    const { types, count, ...rest } = options;
    // The batches count for themselves what is not passed over.
    const batches = types || count === undefined ? rest : { ...rest, count };
    return new EntryFollowing(this.#follow(batches), options);
  }

  /** As `follow`, but gives entries as they come, many at a time: faster, and as bytes to be passed on. */
  followBatches(options: BatchOptions = {}): Following<EntryBatch> {
    checkFollowing(options);
    return new BatchFollowing(this.#follow(options));
  }

  /** Ends all that is under way with `closed`, and all that is asked for later. Called again, it does nothing. */
  async close(): Promise<void> {
    this.#closing.abort(new ClientError('closed', 'the client is closed'));
    await this.#queries.settled();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #follow(options: BatchOptions): Source {
    const ending = new AbortController();
    const track = new Track(options.from ?? 0n);
    const signal = AbortSignal.any([this.#ending(options.signal), ending.signal]);
    const servers = new Servers({ ...this.#settings, signal });
    const batches = followBatches(servers, track, options, {
      header: ({ totalEntries }) => (this.#totalEntries = totalEntries),
      state: this.#settings.onState,
    });
    return { batches, track, ending, totalEntries: () => this.#totalEntries };
  }

  async #header(options: WaitOptions, patience?: Retry): Promise<Header> {
    const header = await this.#query(options, (connection) => connection.header(), patience);
    this.#totalEntries = header.totalEntries;
    return header;
  }

  /** The signal that ends what was started with `signal`. */
  #ending(signal: AbortSignal | undefined): AbortSignal {
    return signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
  }

  #query<T>(
    { signal }: WaitOptions,
    ask: (connection: Connection) => Promise<T>,
    patience?: Retry,
  ): Promise<T> {
    return unlessAborted(signal, () => this.#queries.ask(ask, patience));
  }
}

/** What `act` resolves to; rejects with the signal's reason if it is aborted first. */
async function unlessAborted<T>(signal: AbortSignal | undefined, act: () => Promise<T>): Promise<T> {
  if (!signal) return act();
  signal.throwIfAborted();
  let abort = (): void => undefined;
  const given = new Promise<never>((_resolve, reject) => {
    abort = () => {
      reject(signal.reason as Error);
    };
  });
  // Any number of calls may wait with one signal.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([act(), given]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
