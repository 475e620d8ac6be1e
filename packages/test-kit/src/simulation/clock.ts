/**
 * Simulated time: while it is installed, `setTimeout`, `setInterval`, `setImmediate`, `Date.now` and `performance.now` are
 * its own, so code that knows nothing of it runs in it, and a day passes in no time.
 *
 * Between two timers everything that promises and `process.nextTick` have to do is done, and nothing else can happen: what
 * runs on simulated time, network and disk alone runs the same way each time.
 */

type Callback = (...args: unknown[]) => void;

/** What stands for a `NodeJS.Timeout`. */
class Timer {
  /** Timers that are due at the same time fire in the order in which they were set. */
  readonly order: number;
  readonly fire: () => void;
  readonly everyMs: number | undefined;
  dueMs: number;
  cancelled = false;

  constructor(order: number, dueMs: number, everyMs: number | undefined, fire: () => void) {
    this.order = order;
    this.dueMs = dueMs;
    this.everyMs = everyMs;
    this.fire = fire;
  }

  isBefore(other: Timer): boolean {
    return this.dueMs < other.dueMs || (this.dueMs === other.dueMs && this.order < other.order);
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

const realGlobals = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
};
const realDateNow = Date.now.bind(Date);
const realPerformanceNow = performance.now.bind(performance);

/** Steps that are taken in one turn of the real event loop: a turn costs more than most steps do. */
const STEPS_A_TURN = 256;

/** When simulated time begins, in milliseconds since 1970. */
const START_MS = Date.UTC(2024, 0, 1);

export class SimulatedClock implements Disposable {
  #nowMs = 0;
  #timersSet = 0;
  /** A heap: the timer that is due first is the first one. */
  readonly #timers: Timer[] = [];

  /** Milliseconds since the simulation began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Puts this clock in place of the real one until it is disposed of. There can be one at a time. */
  install(): this {
    const set = (callback: Callback, ms?: number, ...args: unknown[]): Timer =>
      this.#set(callback, args, ms, false);
    const repeat = (callback: Callback, ms?: number, ...args: unknown[]): Timer =>
      this.#set(callback, args, ms, true);
    const clear = (timer: Timer | undefined): void => {
      if (timer) timer.cancelled = true;
    };
    Object.assign(globalThis, {
      setTimeout: set,
      clearTimeout: clear,
      setInterval: repeat,
      clearInterval: clear,
      setImmediate: (callback: Callback, ...args: unknown[]) => set(callback, 0, ...args),
      clearImmediate: clear,
    });
    Date.now = () => START_MS + Math.floor(this.#nowMs);
    performance.now = () => this.#nowMs;
    return this;
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, realGlobals);
    Date.now = realDateNow;
    performance.now = realPerformanceNow;
  }

  /**
   * Lets time pass until a promise is settled, and returns what it resolves to.
   * @throws if it rejects, if nothing is left that could settle it, or if it takes more than `limitMs` simulated ms.
   */
  async run<T>(promise: Promise<T>, limitMs: number): Promise<T> {
    const state = { isSettled: false };
    const settle = (): void => {
      state.isSettled = true;
    };
    promise.then(settle, settle);
    await new Promise<void>((resolve, reject) => {
      let stepsLeft = 0;
      const step = (): void => {
        if (stepsLeft === 0) return;
        try {
          if (state.isSettled) {
            stepsLeft = 0;
            resolve();
            return;
          }
          this.#fireNext(limitMs);
          if (--stepsLeft === 0) turn();
        } catch (error) {
          stepsLeft = 0;
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      // Node does all that promises and ticks have to do before it calls the next one.
      const turn = (): void => {
        stepsLeft = STEPS_A_TURN;
        for (let count = STEPS_A_TURN; count > 0; count--) realGlobals.setImmediate(step);
      };
      turn();
    });
    return promise;
  }

  #fireNext(limitMs: number): void {
    const timer = this.#takeFirst();
    if (!timer) throw new Error(`stuck after ${this.#nowMs} ms: nothing can happen any more`);
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
    if (this.#nowMs > limitMs) throw new Error(`stuck: still not done after ${limitMs} ms`);
    timer.fire();
    if (timer.everyMs !== undefined && !timer.cancelled) {
      timer.dueMs = this.#nowMs + timer.everyMs;
      this.#add(timer);
    }
  }

  #set(callback: Callback, args: unknown[], ms: number | undefined, repeats: boolean): Timer {
    // As Node: at least a millisecond, but finer above, so that few things happen at the same time.
    const afterMs = ms !== undefined && ms > 0 ? ms : 0;
    const timer = new Timer(
      this.#timersSet++,
      this.#nowMs + afterMs,
      repeats ? Math.max(1, afterMs) : undefined,
      () => {
        callback(...args);
      },
    );
    this.#add(timer);
    return timer;
  }

  #add(timer: Timer): void {
    const heap = this.#timers;
    let at = heap.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!timer.isBefore(heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = timer;
  }

  #takeFirst(): Timer | undefined {
    for (;;) {
      const first = this.#timers[0];
      const last = this.#timers.pop();
      if (!first || !last) return undefined;
      if (first !== last) this.#sink(last);
      if (!first.cancelled) return first;
    }
  }

  /** Puts a timer in the first one's place. */
  #sink(timer: Timer): void {
    const heap = this.#timers;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && heap[below + 1]!.isBefore(heap[below]!)) below++;
      if (!heap[below]!.isBefore(timer)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = timer;
  }
}
