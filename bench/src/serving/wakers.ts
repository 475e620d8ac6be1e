// Processes that keep all processors from going to sleep.
import { availableParallelism } from 'node:os';
import { Child } from '../processes/child.js';
import type { AwakeProgram } from './awake-program.js';

export class Wakers implements AsyncDisposable {
  readonly #wakers = Array.from({ length: availableParallelism() }, () => Child.start<AwakeProgram>('awake'));

  /** What `measure` resolves to, measured while the processors are kept awake. */
  async during<T>(measure: () => Promise<T>): Promise<T> {
    await Promise.all(this.#wakers.map((waker) => waker.ask('begin', undefined)));
    try {
      return await measure();
    } finally {
      await Promise.all(this.#wakers.map((waker) => waker.ask('end', undefined)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#wakers.map((waker) => waker[Symbol.asyncDispose]()));
  }
}
