/** How often one client may be answered: a budget of a second's worth, refilled all the time. Free of clocks. */
export class QueryPace {
  readonly #intervalMs: number;
  /** When all answers given so far are paid for. */
  #paidMs = 0;

  constructor(perSecond: number) {
    this.#intervalMs = 1_000 / perSecond;
  }

  /** Takes one answer off the budget; returns how long that answer has to wait, in milliseconds, 0 if not at all. */
  take(nowMs: number): number {
    this.#paidMs = Math.max(this.#paidMs, nowMs) + this.#intervalMs;
    return Math.max(0, Math.ceil(this.#paidMs - nowMs - 1_000));
  }
}
