// Randomness with a seed, so that what a test did can be done again: `DS_SEED=... npm test -- FILE`.

/** The seed of this run. */
const seed = Number(process.env['DS_SEED'] ?? 1);
/** Whether this is a long run. */
export const long = process.env['DS_TEST_LONG'] === '1';

/** A stream of random numbers that is the same for the same seed (mulberry32). */
export class Random {
  #state: number;

  constructor(state: number) {
    this.#state = state >>> 0;
  }

  /** From 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from `from` to `to`, both included. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.integer(0, 255));
  }
}

/**
 * Runs `body` for rounds 0, 1, 2, ..., each with its own randomness, `count` of them or until it says that it is done.
 * A failure says how to repeat its round alone.
 */
export async function rounds(
  count: number,
  file: string,
  body: (random: Random, round: number) => Promise<'done' | undefined>,
): Promise<void> {
  const only = process.env['DS_ROUND'];
  for (let round = Number(only ?? 0), end = only ? round + 1 : count; round < end; round++) {
    try {
      if (
        (await body(new Random(Math.imul(seed, 0x9e3779b1) + Math.imul(round, 0x85ebca6b)), round)) === 'done'
      )
        return;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const again = `DS_SEED=${seed} DS_ROUND=${round} npm test -- packages/stream-file/test/${file}`;
      throw new Error(`${reason}\nseed ${seed}, round ${round}; again: ${again}`, { cause });
    }
  }
}
