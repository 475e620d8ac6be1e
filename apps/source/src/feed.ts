/** Sends operations to a source without waiting for each, and counts what the servers have acknowledged. */

import { describeError } from '@ds/app-kit';
import type { AtomicOperation, StreamSource } from '@ds/source';
import { FeedError } from './errors.js';
import type { SourcedOperation } from './operation.js';

export class Feed {
  readonly #source: Pick<StreamSource, 'startAtomicOp'>;
  /** Number of the first entry that this feed adds. */
  readonly firstEntry: bigint;
  #operations = 0;
  #nextEntry: bigint;
  /** The newest commit; those before it are settled when it is. */
  #newest: Promise<void> = Promise.resolve();
  readonly #onFailure: (reason: unknown) => void;

  /** `onFailure` is told why an operation could not be committed. */
  constructor(
    source: Pick<StreamSource, 'nextEntry' | 'startAtomicOp'>,
    onFailure: (reason: unknown) => void,
  ) {
    this.#source = source;
    this.#onFailure = onFailure;
    this.firstEntry = source.nextEntry;
    this.#nextEntry = source.nextEntry;
  }

  /** Operations that are acknowledged. */
  get operations(): number {
    return this.#operations;
  }

  /** Entries that are acknowledged. */
  get entries(): bigint {
    return this.#nextEntry - this.firstEntry;
  }

  /** Number of the entry behind the last one that is acknowledged. */
  get nextEntry(): bigint {
    return this.#nextEntry;
  }

  /**
   * Sends an operation; resolves when the next one may come.
   *
   * @throws {FeedError} `bad-input` for an operation that can't be sent; the source can go on
   * @throws {SourceError} why nothing can be written any more
   */
  async send(operation: SourcedOperation): Promise<void> {
    using atomicOp = await this.#source.startAtomicOp();
    try {
      for (const entry of operation.entries) {
        if ('bookmark' in entry) atomicOp.addBookmark(entry.bookmark);
        else atomicOp.addEntry(entry.type, entry.data);
      }
    } catch (cause) {
      throw new FeedError('bad-input', `${operation.origin}: ${describeError(cause)}`, { cause });
    }
    if (!operation.rollback) this.#newest = this.#commit(atomicOp);
  }

  /** Resolves when it is known of each operation that was sent whether it is acknowledged. */
  settled(): Promise<void> {
    return this.#newest;
  }

  async #commit(atomicOp: AtomicOperation): Promise<void> {
    try {
      const { nextEntry } = await atomicOp.commit();
      this.#operations++;
      if (nextEntry > this.#nextEntry) this.#nextEntry = nextEntry;
    } catch (error) {
      this.#onFailure(error);
    }
  }
}
