/**
 * What the source's application hands in: operations 0, 1, 2 and so on, whose entries say which they are. So the stream that
 * must come of it is known before anything has happened.
 */
import { BOOKMARK_ENTRY_TYPE, encodeEntry } from '@ds/codec';
import type { Random } from '@ds/test-kit';

export interface PlainEntry {
  readonly type: number;
  readonly data: Uint8Array;
}

export class ExpectedStream {
  readonly operations: readonly (readonly PlainEntry[])[];
  /** How many entries stand before each operation, and before the one that would come next. */
  readonly #starts: readonly number[];
  /** The whole stream as it goes over the wire. */
  readonly bytes: Uint8Array;

  constructor(random: Random, count: number) {
    this.operations = Array.from({ length: count }, (_, index) => operation(random, index));
    const starts = [0];
    for (const entries of this.operations) starts.push(starts.at(-1)! + entries.length);
    this.#starts = starts;
    const entries = this.operations.flat();
    this.bytes = Buffer.concat(entries.map((entry, at) => encodeEntry({ ...entry, number: BigInt(at) })));
  }

  get entryCount(): bigint {
    return BigInt(this.#starts.at(-1)!);
  }

  /** Number of an operation's first entry. */
  startOf(operation: number): bigint {
    return BigInt(this.#starts[operation]!);
  }

  /** The operation that comes next in a stream with so many entries; it must not end within one. */
  nextAfter(entries: bigint): number {
    const operation = this.#starts.indexOf(Number(entries));
    if (operation < 0) throw new Error(`a stream of ${entries} entries ends within an operation`);
    return operation;
  }
}

function operation(random: Random, index: number): PlainEntry[] {
  const key = new Uint8Array(8);
  new DataView(key.buffer).setUint32(4, index);
  const others = Array.from({ length: random.integer(0, 4) }, () => ({
    type: random.integer(1, 5),
    data: random.bytes(random.chance(0.2) ? random.integer(20, 200) : random.integer(0, 20)),
  }));
  return [{ type: BOOKMARK_ENTRY_TYPE, data: key }, ...others];
}
