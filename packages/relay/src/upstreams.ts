/**
 * The upstreams of a relay. One is followed; when it is lost, or turns out to hold another stream than the relay, the next
 * one takes its place. Each is a client of its own, so that what was compared and what is followed are the same server's.
 */
import { ClientError, StreamClient, type FollowState } from '@ds/client';
import type { Header } from '@ds/codec';
import type { Logger } from '@ds/server';

import { RelayError } from './errors.js';
import { loggerOf, upstreamsOf, type StreamRelayOptions, type UpstreamAddress } from './options.js';
import { Pause } from './pause.js';

/** Asks an upstream something. Rejects with a `RelayError` `mismatch` where the upstream is not what was looked for. */
export type Ask<T> = (upstream: StreamClient, header: Header, name: string) => Promise<T>;

export class Upstreams {
  readonly #options: StreamRelayOptions;
  readonly #addresses: readonly UpstreamAddress[];
  #index = 0;

  /** @throws {ClientError} `bad-option` */
  constructor(options: StreamRelayOptions) {
    this.#options = options;
    this.#addresses = upstreamsOf(options);
    // It is not connected, but knows what is wrong with an address, also one that comes last, and with the waits.
    new StreamClient({ server: this.#addresses, retry: options.retry });
  }

  /** Waits between attempts, all upstreams in a row being one. */
  pause(): Pause {
    return new Pause(this.#options.retry, this.#addresses.length);
  }

  /** A client of the upstream whose turn it is. It never connects a second time by itself. */
  client(onStreaming: (header: Header) => void = () => undefined): StreamClient {
    const { network, streamType, tls, token, connectMs, answerMs } = this.#options;
    const logger = loggerOf(this.#options);
    return new StreamClient({
      ...network?.client,
      server: this.#address,
      ...(streamType !== undefined && { streamType }),
      ...(tls !== undefined && { tls }),
      ...(token !== undefined && { token }),
      ...(connectMs !== undefined && { connectMs }),
      ...(answerMs !== undefined && { answerMs }),
      retry: { attemptsMax: 0 },
      onState: (state) => {
        logState(logger, state);
        if ('header' in state) onStreaming(state.header);
      },
    });
  }

  /** Goes on to the next one. */
  next(): void {
    this.#index = (this.#index + 1) % this.#addresses.length;
  }

  /** Goes back to the first one. */
  reset(): void {
    this.#index = 0;
  }

  /**
   * Asks one after the other, over and over, until one has given an answer: that one's turn it is then. Rejects with
   * the first mismatch when all in a row are none, and at once when the signal is aborted, whatever is being waited for.
   */
  async ask<T>(signal: AbortSignal, ask: Ask<T>): Promise<T> {
    const logger = loggerOf(this.#options);
    const pause = this.pause();
    let mismatches: RelayError[] = [];
    let lost: ClientError | undefined;
    for (;;) {
      signal.throwIfAborted();
      try {
        return await this.#askOne(signal, ask);
      } catch (error) {
        signal.throwIfAborted();
        if (isMismatch(error)) {
          mismatches.push(error);
          if (mismatches.length === this.#addresses.length) throw mismatches[0] ?? error;
        } else {
          if (!(error instanceof ClientError && error.retriable)) throw error;
          mismatches = [];
          lost = error;
        }
        // Whether the file is nobody's is not known as long as one of them is away.
        if (!pause.goesOn) throw lost ?? error;
        logger.warn(
          { upstream: this.#name, reason: error.message },
          isMismatch(error) ? 'upstream passed over' : 'upstream lost, trying again',
        );
      }
      this.next();
      await pause.wait(signal);
    }
  }

  async #askOne<T>(signal: AbortSignal, ask: Ask<T>): Promise<T> {
    await using upstream = this.client();
    const close = (): void => void upstream.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      return await ask(upstream, await upstream.header({ signal }), this.#name);
    } finally {
      signal.removeEventListener('abort', close);
    }
  }

  get #address(): UpstreamAddress {
    return this.#addresses[this.#index]!;
  }

  get #name(): string {
    const address = this.#address;
    return typeof address === 'string' ? address : `${address.host}:${address.port}`;
  }
}

/** Whether an upstream was found not to be what was looked for. */
export function isMismatch(error: unknown): error is RelayError {
  return error instanceof RelayError && error.code === 'mismatch';
}

function logState(logger: Logger, state: FollowState): void {
  switch (state.kind) {
    case 'connecting':
      logger.debug({ upstream: state.server }, 'connecting to upstream');
      break;
    case 'catching-up':
      logger.info({ upstream: state.server, totalEntries: state.header.totalEntries }, 'catching up');
      break;
    case 'live':
      logger.info({ upstream: state.server, totalEntries: state.header.totalEntries }, 'following live');
      break;
    case 'reconnecting':
    // These clients never do.
  }
}
