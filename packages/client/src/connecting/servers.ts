/**
 * The connections of one that follows: to the servers of a client, one after the other, each when the one before has failed.
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

  /** Connections and waits end with the options' signal. */
  constructor(options: ServersOptions) {
    this.#options = options;
    this.#retry = new Retry(options.retry, options.signal);
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
    const failed = this.#failed;
    this.#failed = [];
    const waitMs = failed.every(isBehind) ? undefined : this.#retry.next();
    if (waitMs === undefined) throw failureOf(failed);
    onState({ kind: 'reconnecting', server, error, waitMs });
    await this.#retry.wait(waitMs);
  }

  get #address(): ServerAddress {
    return this.#options.addresses[this.#index]!;
  }
}

/** What all servers, having failed one after the other, are told as. */
export function failureOf(failures: readonly ClientError[]): ClientError {
  const behind = failures.filter(isBehind);
  // Of those that are behind, the one that is so least says where the stream ends.
  const told = behind.length > 0 ? behind.reduce(longer) : failures.at(-1)!;
  if (failures.length === 1) return told;
  const message = failures.map((failure) => failure.message).join('; ');
  const { code, result, totalEntries } = told;
  return new ClientError(code, message, { cause: new AggregateError(failures), result, totalEntries });
}

function longer(one: ClientError, other: ClientError): ClientError {
  return (other.totalEntries ?? 0n) > (one.totalEntries ?? 0n) ? other : one;
}

/** Whether another server of the same stream may do what was asked for. */
function isBehind({ code }: ClientError): boolean {
  return code === 'beyond-end' || code === 'unknown-bookmark';
}
