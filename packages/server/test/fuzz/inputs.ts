// What peers may send, as cheaply as it can be made: conversations put together from messages that are right, most of them
// damaged then, and bytes that are nothing, in chunks of any size.
import type { Random } from '@ds/test-kit';

const MESSAGES_MAX = 6;

export class Inputs {
  readonly #random: Random;
  readonly #messages: readonly Uint8Array[];
  readonly #scratch = new Uint8Array(64 << 10);

  /** `messages` are right, each on its own. */
  constructor(random: Random, messages: readonly Uint8Array[]) {
    this.#random = random;
    this.#messages = messages;
  }

  /** The bytes of one conversation; an array of its own. */
  next(): Uint8Array {
    const random = this.#random;
    const kind = random.next();
    if (kind < 0.05) return random.bytes(random.integer(0, 60));
    let length = 0;
    for (let count = random.integer(1, MESSAGES_MAX); count > 0; count--) {
      const message = random.pick(this.#messages);
      this.#scratch.set(message, length);
      length += message.length;
    }
    if (kind > 0.5) this.#damage(length);
    if (kind > 0.8) length = random.integer(0, length);
    return this.#scratch.slice(0, length);
  }

  /** Where the next chunk that begins at `at` ends. */
  chunkEnd(at: number, length: number): number {
    const random = this.#random;
    const longest = random.pick([1, 7, 40, length]);
    return Math.min(length, at + random.integer(1, Math.max(1, longest)));
  }

  /** Changes bytes, in the heads of messages more often than not. */
  #damage(length: number): void {
    const random = this.#random;
    for (let count = random.integer(1, 3); count > 0; count--) {
      const at = random.integer(0, length - 1);
      this.#scratch[at] = random.pick([0, 1, 2, 16, 17, 255, random.integer(0, 255)]);
    }
  }
}
