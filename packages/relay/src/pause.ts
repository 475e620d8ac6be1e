/** Waits between attempts, each about twice as long as the one before, as long as none has got anywhere. */
import type { StreamRelayOptions } from './options.js';

export class Pause {
  readonly #attemptsMax: number;
  readonly #firstMs: number;
  readonly #longestMs: number;
  readonly #places: number;
  #failures = 0;

  /** @param places attempts that are made in different places, one after the other without a wait, and count as one */
  constructor(
    {
      attemptsMax = Number.POSITIVE_INFINITY,
      firstMs = 100,
      longestMs = 10_000,
    }: StreamRelayOptions['retry'] = {},
    places = 1,
  ) {
    this.#places = places;
    this.#attemptsMax = attemptsMax;
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
  }

  /** Whether there is to be another attempt. */
  get goesOn(): boolean {
    const isLastPlace = (this.#failures + 1) % this.#places === 0;
    return !isLastPlace || this.#failures / this.#places < this.#attemptsMax;
  }

  /** An attempt has got somewhere. */
  reset(): void {
    this.#failures = 0;
  }

  /** Waits, if it was the last place's turn; rejects when the signal is aborted. */
  async wait(signal: AbortSignal): Promise<void> {
    const rounds = ++this.#failures / this.#places;
    if (!Number.isInteger(rounds)) return;
    const waitMs = Math.min(this.#longestMs, this.#firstMs * 2 ** (rounds - 1));
    await sleep(waitMs * (0.5 + Math.random() / 2), signal);
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
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
