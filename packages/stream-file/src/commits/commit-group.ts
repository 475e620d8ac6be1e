/**
 * Commits that are written together, packed: an object for each would cost a stream of many small operations more than
 * writing them.
 */
import type { StreamFileError } from '../errors.js';
import { Checksums } from '../journal/checksums.js';
import type { PageStore } from '../pages/page-store.js';
import type { Spill } from './appender.js';
import type { Extent } from './header-page.js';

/** Told how a commit has ended, at once. */
export interface CommitWaiter {
  /** Entries are safe integers: number of the first one, and of the one behind the last. */
  committed(firstEntry: number, nextEntry: number): void;
  refused(error: StreamFileError): void;
}

/** Operations that follow one another, none of them empty. */
export interface Operations {
  /** Offsets in the file at which they end. */
  readonly ends: readonly number[];
  /** Number of the entry behind each. */
  readonly nextEntries: readonly number[];
  /** When each was committed, in milliseconds since 1970; 0 if it was taken over. */
  readonly timesMs: readonly number[];
}

export class CommitGroup {
  /** Where its first operation begins. */
  readonly start: Extent;
  /** How far its only operation was written ahead. */
  readonly spill: Spill | undefined;
  /** Of its operations, those of empty ones left out. */
  readonly sums: Checksums;
  readonly #ends: number[] = [];
  readonly #nextEntries: number[] = [];
  readonly #timesMs: number[] = [];
  /** Of all commits, those of empty operations too, and number of the entry behind each. */
  readonly #waiters: CommitWaiter[] = [];
  readonly #waitersNextEntries: number[] = [];

  constructor(start: Extent, spill?: Spill) {
    this.start = start;
    this.spill = spill;
    this.sums = spill?.sums ?? new Checksums();
  }

  get operations(): Operations {
    return { ends: this.#ends, nextEntries: this.#nextEntries, timesMs: this.#timesMs };
  }

  /** How many commits there are, those of empty operations too. */
  get commits(): number {
    return this.#waiters.length;
  }

  /** Whether no operation adds anything. */
  get isEmpty(): boolean {
    return this.#ends.length === 0;
  }

  /** Where its last operation ends. */
  get end(): Extent {
    const last = this.#ends.length - 1;
    return last < 0 ? this.start : { length: this.#ends[last]!, entries: this.#nextEntries[last]! };
  }

  /** Offset in the file at which its last operation ends. */
  get endLength(): number {
    return this.#ends.at(-1) ?? this.start.length;
  }

  /** Adds the commit of the operation behind the last one, which ends at `end` and stands in pages that `store` holds. */
  add(end: Extent, timeMs: number, waiter: CommitWaiter, store: PageStore): void {
    const before = this.#waitersNextEntries.at(-1) ?? this.start.entries;
    if (end.entries > before) {
      // Now, as the disk may be at work on the group before; when this one is written, the disk waits.
      const summedTo = this.#ends.at(-1) ?? this.spill?.length ?? this.start.length;
      store.eachHeld(summedTo, end.length, this.sums);
      this.sums.endOperation();
      this.#ends.push(end.length);
      this.#nextEntries.push(end.entries);
      this.#timesMs.push(timeMs);
    }
    this.#waiters.push(waiter);
    this.#waitersNextEntries.push(end.entries);
  }

  committed(): void {
    let firstEntry = this.start.entries;
    for (const [nth, waiter] of this.#waiters.entries()) {
      const nextEntry = this.#waitersNextEntries[nth]!;
      waiter.committed(firstEntry, nextEntry);
      firstEntry = nextEntry;
    }
  }

  refused(error: StreamFileError): void {
    for (const waiter of this.#waiters) waiter.refused(error);
  }
}
