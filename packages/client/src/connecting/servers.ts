/**
 * The connections of one activity: to the servers of a client, one after the other, each when the one before has failed.
 *
 * A failure is of the moment (the server cannot be reached), of the server (it is behind the others), or for good. When
 * all servers have failed in a row, it waits; when all of them are behind, nothing is to be waited for.
 */
import { ClientError } from '../errors.js';
import type { FollowState } from '../following/state.js';
import { formatAddress, type ServerAddress } from './address.js';
import { Connection, type ConnectionOptions } from './connection.js';
import { Retry, type RetryOptions } from './retry.js';

export interface ServersOptions extends ConnectionOptions {
  readonly addresses: readonly ServerAddress[];
  readonly retry: RetryOptions;
  readonly onState: (state: FollowState) => void;
}

export class Servers {
  readonly #options: ServersOptions;
  readonly #retry: Retry;
  #index = 0;
  /** Failures since something has worked, of one server each. */
  #failed: ClientError[] = [];

  /** @param waiting ends waits; connections end with the options' own signal */
  constructor(options: ServersOptions, waiting = options.signal) {
    this.#options = options;
    this.#retry = new Retry(options.retry, waiting);
  }

  /** Connects to the server whose turn it is. */
  async connect(): Promise<Connection> {
    this.#options.signal.throwIfAborted();
    this.#options.onState({ kind: 'connecting', server: formatAddress(this.#address) });
    return Connection.open(this.#address, this.#options);
  }

  /** A connection works. */
  connected(): void {
    this.#retry.connected();
  }

  /** It has led to something: the next failure is a first one. */
  succeeded(): void {
    if (this.#failed.length > 0) this.#failed = [];
    this.#retry.reset();
  }

  /** The server has failed: goes on to the next one, after a wait if there is none. Throws if it is of no use to go on. */
  async failed(error: unknown): Promise<void> {
    if (!(error instanceof ClientError)) throw error;
    const { addresses, onState } = this.#options;
    const server = formatAddress(this.#address);
    if (!error.retriable && !isBehind(error)) throw error;
    this.#failed.push(error);
    this.#index = (this.#index + 1) % addresses.length;
    if (this.#failed.length < addresses.length) {
      onState({ kind: 'reconnecting', server, error, waitMs: 0 });
      return;
    }
    const behind = this.#failed.filter(isBehind);
    const waitMs = behind.length === addresses.length ? undefined : this.#retry.next();
    this.#failed = [];
    if (waitMs === undefined) throw behind[0] ?? error;
    onState({ kind: 'reconnecting', server, error, waitMs });
    await this.#retry.wait(waitMs);
  }

  get #address(): ServerAddress {
    return this.#options.addresses[this.#index]!;
  }
}

/** Whether another server of the same stream may do what was asked for. */
function isBehind({ code }: ClientError): boolean {
  return code === 'beyond-end' || code === 'unknown-bookmark';
}
