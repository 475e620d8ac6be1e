/** When to try again, and the waits until then. */

/** When a lost connection is made again: after waits that double, each by chance between half of it and all of it. */
export interface RetryOptions {
  /** Failures in a row, of all servers, after which they are passed on. Default 10; 0 never tries again. */
  readonly attemptsMax: number;
  /** First wait, in milliseconds. Default 100. */
  readonly firstMs: number;
  /** Longest wait, in milliseconds; a connection that lasts longer counts as a success. Default 10,000. */
  readonly longestMs: number;
}

export const defaultRetry: RetryOptions = { attemptsMax: 10, firstMs: 100, longestMs: 10_000 };

/** Counts failures in a row, and waits between them. */
export class Retry {
  readonly #options: RetryOptions;
  readonly #signal: AbortSignal;
  #failures = 0;
  #connectedMs: number | undefined;

  constructor(options: RetryOptions, signal: AbortSignal) {
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

  /** Milliseconds to wait after one more failure; undefined if there is to be no other attempt. */
  next(): number | undefined {
    const { attemptsMax, firstMs, longestMs } = this.#options;
    if (this.#connectedMs !== undefined && performance.now() - this.#connectedMs > longestMs) this.reset();
    this.#connectedMs = undefined;
    this.#failures++;
    if (this.#failures > attemptsMax) return undefined;
    const waitMs = Math.min(longestMs, firstMs * 2 ** (this.#failures - 1));
    return waitMs * (0.5 + Math.random() / 2);
  }

  /** Waits. Rejects with the signal's reason when it is aborted. */
  wait(ms: number): Promise<void> {
    const signal = this.#signal;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', abort);
        resolve();
      }, ms);
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    });
  }
}
