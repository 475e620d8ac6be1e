/** How much comes in a second, over the last one to two of them. */
const WINDOW_MS = 1000;

export class Rate {
  #total = 0;
  #startMs: number | undefined;
  #before = { startMs: 0, amount: 0 };
  #amount = 0;

  /** All that was added. */
  get total(): number {
    return this.#total;
  }

  add(amount: number): void {
    const nowMs = performance.now();
    this.#startMs ??= this.#before.startMs = nowMs;
    if (nowMs - this.#startMs >= WINDOW_MS) {
      this.#before = { startMs: this.#startMs, amount: this.#amount };
      this.#startMs = nowMs;
      this.#amount = 0;
    }
    this.#amount += amount;
    this.#total += amount;
  }

  get perSecond(): number {
    if (this.#startMs === undefined) return 0;
    const ms = Math.max(1, performance.now() - this.#before.startMs);
    return ((this.#before.amount + this.#amount) * 1000) / ms;
  }
}
