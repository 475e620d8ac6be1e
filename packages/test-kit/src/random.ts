/** Randomness with a seed, so that a failure can be repeated: `DS_SEED=... npm test -- packages/server`, for one. */

/** The seed of this run. */
export const seed = Number(process.env['DS_SEED'] ?? 1);
/** How many times as much a long run does. */
export const effort = process.env['DS_TEST_LONG'] === '1' ? 20 : 1;

/** Random numbers that are the same for the same seed: mulberry32. */
export class Random {
  #state: number;

  constructor(state = seed) {
    this.#state = Math.imul(state, 0x9e37_79b1) >>> 0;
  }

  /** From 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from `from` to `to`, both included. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.integer(0, 255));
  }

  /** `bytes` cut into chunks of 1 to `longest` bytes. */
  chunks(bytes: Uint8Array, longest: number): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + this.integer(1, longest));
      chunks.push(bytes.slice(at, end));
      at = end;
    }
    return chunks;
  }
}
