// What a server has sent in one conversation, or has to send: bytes in memory that is used again for the next one.

export class Transcript {
  readonly #bytes = Buffer.alloc(64 << 10);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  add(...parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      this.#bytes.set(part, this.#length);
      this.#length += part.length;
    }
  }

  /** All that was added since it was cleared; valid until the next change. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** How many times each state was the last one of a conversation. */
export type Ends = Record<string, number>;

/** Ends a run: this input was not answered as it has to be. */
export function report(input: Uint8Array, seed: number, actual: unknown, expected: unknown): never {
  const text = (value: unknown): string =>
    JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part));
  const bytes = Buffer.from(input).toString('hex');
  throw new Error(`seed ${seed}, input ${bytes}:\n${text(actual)} instead of\n${text(expected)}`);
}
