/**
 * The connection that queries share: to the first server that answers. When it fails, a server's turn is over, and all that
 * was asked there is asked of the next one.
 */
import { ClientError } from '../errors.js';
import { formatAddress } from './address.js';
import { Connection } from './connection.js';
import type { Retry } from './retry.js';
import { failureOf, type ServersOptions } from './servers.js';

interface Current {
  /** Whose turn it is. */
  readonly index: number;
  readonly server: string;
  readonly opening: Promise<Connection>;
  /** Once it is open. */
  connection: Connection | undefined;
  /** Whether anything that was asked was answered. */
  hasAnswered: boolean;
}

export class QueryConnection {
  readonly #options: ServersOptions;
  #index = 0;
  #current: Current | undefined;

  /** The connection ends with the options' signal. */
  constructor(options: ServersOptions) {
    this.#options = options;
  }

  /**
   * Asks one server after the other, until one answers, or each has failed.
   * @param patience asks all of them again, as long as it says
   */
  async ask<T>(ask: (connection: Connection) => Promise<T>, patience?: Retry): Promise<T> {
    const { addresses, onState, signal } = this.#options;
    let failures: ClientError[] = [];
    for (;;) {
      signal.throwIfAborted();
      const current = this.#usable() ?? this.#open();
      try {
        const answer = await ask(await current.opening);
        current.hasAnswered = true;
        return answer;
      } catch (error) {
        if (!(error instanceof ClientError) || !error.retriable) throw error;
        // A server may end a connection while nothing is asked: that is no failure of the server.
        if (current.hasAnswered && error.code === 'disconnected') continue;
        this.#goOn(current);
        failures.push(error);
        const isRound = failures.length === addresses.length;
        const waitMs = isRound ? patience?.next() : 0;
        if (waitMs === undefined) throw failureOf(failures);
        onState({ kind: 'reconnecting', server: current.server, error, waitMs });
        if (!isRound) continue;
        failures = [];
        await patience?.wait(waitMs);
      }
    }
  }

  /** Resolves when nothing is being opened. */
  async settled(): Promise<void> {
    await this.#current?.opening.catch(() => undefined);
  }

  /** The connection that is there, or that is being made. */
  #usable(): Current | undefined {
    return this.#current?.connection?.hasFailed ? undefined : this.#current;
  }

  #open(): Current {
    const address = this.#options.addresses[this.#index]!;
    const server = formatAddress(address);
    this.#options.onState({ kind: 'connecting', server });
    const opening = Connection.open(address, this.#options);
    const current: Current = {
      index: this.#index,
      server,
      opening,
      connection: undefined,
      hasAnswered: false,
    };
    this.#current = current;
    opening.then(
      (connection) => (current.connection = connection),
      () => {
        if (this.#current === current) this.#current = undefined;
      },
    );
    return current;
  }

  /** The next server's turn, unless another query has seen to it. */
  #goOn(failed: Current): void {
    if (failed.index === this.#index) this.#index = (this.#index + 1) % this.#options.addresses.length;
  }
}
