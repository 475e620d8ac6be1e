// Times and their percentiles, cheap to add to: counts in steps of 1 us up to a second, and of all that is longer.

const STEP_US = 1;
const STEPS = 1_000_000;

/** In milliseconds. */
export interface Summary {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

export class Histogram {
  readonly #counts = new Uint32Array(STEPS + 1);
  #count = 0;
  #mostUs = 0;

  add(us: number): void {
    this.#counts[Math.min(STEPS, Math.floor(us / STEP_US))]!++;
    this.#count++;
    if (us > this.#mostUs) this.#mostUs = us;
  }

  summary(): Summary {
    return {
      count: this.#count,
      p50: this.#percentileMs(0.5),
      p99: this.#percentileMs(0.99),
      most: this.#mostUs / 1000,
    };
  }

  #percentileMs(share: number): number {
    let left = this.#count * share;
    const step = this.#counts.findIndex((count) => (left -= count) <= 0);
    return step === STEPS ? this.#mostUs / 1000 : ((step + 1) * STEP_US) / 1000;
  }
}
