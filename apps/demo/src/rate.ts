/** How fast something grows, over about the last second. */

const WINDOW_MS = 1_000;

export class Rate {
  readonly #count: () => number;
  readonly #samples: { atMs: number; count: number }[];

  constructor(count: () => number) {
    this.#count = count;
    this.#samples = [{ atMs: performance.now(), count: count() }];
  }

  /** By how much it grows in a second, as of now. */
  perSecond(): number {
    const now = { atMs: performance.now(), count: this.#count() };
    this.#samples.push(now);
    while (this.#samples.length > 2 && this.#samples[1]!.atMs < now.atMs - WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0]!;
    return now.atMs === first.atMs ? 0 : ((now.count - first.count) * 1000) / (now.atMs - first.atMs);
  }
}
