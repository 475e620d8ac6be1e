/** When to try again: after waits that double, each by chance between half of it and all of it. */
import { ClientError } from './errors.js';

export interface RetryOptions {
  /** Failures in a row after which the last one is passed on. Default 10; 0 never tries again. */
  readonly attemptsMax: number;
  /** First wait and longest wait, in milliseconds. Defaults 100 and 10,000. */
  readonly firstMs: number;
  readonly longestMs: number;
}

export const defaultRetry: RetryOptions = { attemptsMax: 10, firstMs: 100, longestMs: 10_000 };

/** Counts failures in a row, and waits between them. */
export class Retry {
  readonly #options: RetryOptions;
  readonly #signal: AbortSignal | undefined;
  #failures = 0;
  #connectedMs: number | undefined;

  constructor(options: RetryOptions, signal: AbortSignal | undefined) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Something has worked: the next failure is a first one. */
  reset(): void {
    this.#failures = 0;
  }

  /** A connection works. If it does so for longer than the longest wait, the next failure is a first one, too. */
  connected(): void {
    this.#connectedMs = performance.now();
  }

  /** Waits before the next attempt; throws `error` if there is to be none. */
  async wait(error: ClientError): Promise<void> {
    const { attemptsMax, firstMs, longestMs } = this.#options;
    if (this.#connectedMs !== undefined && performance.now() - this.#connectedMs > longestMs) this.reset();
    this.#connectedMs = undefined;
    this.#failures++;
    if (this.#failures > attemptsMax) throw error;
    const waitMs = Math.min(longestMs, firstMs * 2 ** (this.#failures - 1));
    await sleep(waitMs * (0.5 + Math.random() / 2), this.#signal);
  }
}

/** Rejects with `closed` when the signal is aborted. */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(new ClientError('closed', 'aborted while waiting to reconnect'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
