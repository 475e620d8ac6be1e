// What a benchmark is: a name to filter by and a run that measures and returns figures. The runner in `main.ts`
// prints them; a benchmark never does.

/** One measured figure. */
export interface Figure {
  /** What was measured, `decode entries of 256 B` for example. */
  readonly what: string;
  readonly value: number;
  /** Unit of the value, `M/s` or `MB/s` for example. */
  readonly unit: string;
  /** How many times the baseline this is, where there is one to compare with. */
  readonly ratio?: number;
  /** The least and the largest of the ratios that `ratio` is the median of. */
  readonly ratios?: readonly [number, number];
}

/** How much to measure. */
export interface BenchmarkOptions {
  /** A run of milliseconds that only proves that the benchmark still works; its figures mean nothing. */
  readonly smoke: boolean;
  /** Seeds the corpus, so that two runs measure the same bytes. */
  readonly seed: number;
  /** Another server that serves the corpus (`--make`), to be measured beside ours. */
  readonly other?: { readonly host: string; readonly port: number } | undefined;
}

/** A benchmark: a file of `bench/src` exports one and `main.ts` lists it. */
export interface Benchmark {
  readonly name: string;
  readonly run: (options: BenchmarkOptions) => Figure[] | Promise<Figure[]>;
}

/**
 * How often a second something can be done, as the best of several rounds: others use the machine too.
 *
 * @param work does it `timesPerCall` times
 */
export function ratePerSecond(work: () => void, timesPerCall: number, { smoke }: BenchmarkOptions): number {
  const rounds = smoke ? 1 : 5;
  const roundMs = smoke ? 1 : 300;
  let best = 0;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    let calls = 0;
    let elapsedMs = 0;
    while (elapsedMs < roundMs) {
      work();
      calls++;
      elapsedMs = performance.now() - start;
    }
    best = Math.max(best, (calls * timesPerCall * 1000) / elapsedMs);
  }
  return best;
}

/** The one in the middle of several figures. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/**
 * The median of several rounds, and of the ratios to the rounds that stood beside them: what else goes on in the machine for
 * a while meets both. Rounds beside themselves have no ratio.
 */
export function beside(
  what: string,
  unit: string,
  rounds: readonly number[],
  others: readonly number[],
): Figure {
  const figure = { what, unit, value: median(rounds) };
  if (rounds === others) return figure;
  const ratios = rounds.map((round, nth) => round / others[nth]!);
  return { ...figure, ratio: median(ratios), ratios: [Math.min(...ratios), Math.max(...ratios)] };
}

/** Bytes and numbers that are the same for the same seed (xorshift32). */
export class Corpus {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** The next u32. */
  u32(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.u32() & 0xff);
  }
}
