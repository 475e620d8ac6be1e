/** What must be so at any moment of a history. The first thing that is not ends it. */
import type { ExpectedStream } from './operations.js';

export class Check {
  /** Rejects with the first thing that is wrong. */
  readonly violated: Promise<never>;
  readonly #expected: ExpectedStream;
  /** How many servers must have what is acknowledged. */
  readonly #quorum: number;
  readonly #durable: bigint[];
  #acknowledgedEntries = 0n;
  #isComplete = false;
  #reject: (error: unknown) => void = () => undefined;

  constructor(expected: ExpectedStream, servers: number, quorum: number) {
    this.#expected = expected;
    this.#quorum = quorum;
    this.#durable = Array<bigint>(servers).fill(0n);
    this.violated = new Promise((_, reject) => (this.#reject = reject));
    this.violated.catch(() => undefined);
  }

  /** Whether the source has brought everything in. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  failed(error: unknown): void {
    this.#reject(error);
  }

  /** A server has committed, durably. */
  committed(server: number, entries: bigint): void {
    this.#durable[server] = entries;
    this.#isWhole(entries);
  }

  /** A server has started, and found so much, which it must not lose from now on. */
  fileReopened(server: number, entries: bigint): void {
    if (entries < this.#durable[server]!) {
      this.failed(new Error(`server ${server} has lost entries: ${entries} of ${this.#durable[server]}`));
    }
    this.committed(server, entries);
  }

  acknowledged(operation: number, firstEntry: bigint, nextEntry: bigint): void {
    const start = this.#expected.startOf(operation);
    const end = this.#expected.startOf(operation + 1);
    if (firstEntry !== start || nextEntry !== end) {
      this.failed(new Error(`operation ${operation} is acknowledged as ${firstEntry} to ${nextEntry}`));
    }
    if (end > this.#acknowledgedEntries) this.#acknowledgedEntries = end;
    const having = this.#durable.filter((entries) => entries >= end).length;
    if (having < this.#quorum) {
      this.failed(new Error(`operation ${operation} is acknowledged, and ${having} servers have it`));
    }
  }

  allAcknowledged(): void {
    this.#isComplete = true;
  }

  leftOut(error: Error): void {
    this.failed(new Error(`a server was left out: ${error.message}`, { cause: error }));
  }

  #isWhole(entries: bigint): void {
    try {
      this.#expected.nextAfter(entries);
    } catch (error) {
      this.failed(error);
    }
  }
}
