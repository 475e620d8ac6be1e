/**
 * When each full page was last compared with the page directory, and where its entries end.
 *
 * Comparing costs more than sending, so a page that is read again soon is taken as it is; one that was verified longer
 * ago than the interval is compared anew, so that readers notice what rots under a running process. Costs 8 bytes a
 * page: 8 MiB for a file of 1 TiB.
 */
const NEVER = 0;

export class VerifiedPages {
  readonly #intervalS: number;
  /** When each was verified, in seconds, counted so that it is never 0. */
  #at = new Uint32Array(64);
  #ends = new Uint32Array(64);

  constructor(intervalMs: number) {
    this.#intervalS = intervalMs / 1000;
  }

  /** Offset in page `index` where its entries end, if the page was verified within the interval. */
  end(index: number): number | undefined {
    const at = this.#at[index] ?? NEVER;
    return at !== NEVER && now() - at < this.#intervalS ? this.#ends[index] : undefined;
  }

  /** Page `index` was found to be what was written, and its entries end at `end`. */
  add(index: number, end: number): void {
    if (index >= this.#at.length) {
      const length = Math.max(index + 1, this.#at.length * 2);
      this.#at = grown(this.#at, length);
      this.#ends = grown(this.#ends, length);
    }
    this.#at[index] = now();
    this.#ends[index] = end;
  }

  /** Pages from `index` on, up to and without `to`, have changed. */
  forget(index: number, to?: number): void {
    this.#at.fill(NEVER, index, to);
  }
}

function now(): number {
  return 1 + Math.floor(performance.now() / 1000);
}

function grown(old: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const array = new Uint32Array(length);
  array.set(old);
  return array;
}
