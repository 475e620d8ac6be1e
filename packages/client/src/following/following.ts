/** What `follow` gives: an iterator that can say how far it is and where to go on. */
import type { Entry, EntryBatch } from '@ds/codec';

import { positionAfter, type StreamPosition } from '../resuming/position.js';
import { entriesWanted, type FollowOptions } from './options.js';
import type { FollowProgress } from './state.js';
import type { Track } from './track.js';

/** Entries, or batches of them, that are followed. Leave the loop, or dispose of it, to end it. */
export interface Following<Item> extends AsyncIterableIterator<Item, undefined, undefined>, AsyncDisposable {
  /**
   * Where to go on, once all that was given so far is processed; undefined until it is known. To read it costs a SHA-256
   * of the last entry.
   */
  readonly position: StreamPosition | undefined;
  /** How far it is, at the moment. */
  readonly progress: FollowProgress;
  next(): Promise<IteratorResult<Item, undefined>>;
  return(): Promise<IteratorReturnResult<undefined>>;
  [Symbol.asyncIterator](): Following<Item>;
}

/** What both kinds of following stand on. */
export interface Source {
  readonly batches: AsyncGenerator<EntryBatch, undefined, undefined>;
  readonly track: Track;
  /** Ends it, whatever it waits for. */
  readonly ending: AbortController;
  readonly totalEntries: () => bigint | undefined;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** Follows in batches. */
export class BatchFollowing implements Following<EntryBatch> {
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  get position(): StreamPosition | undefined {
    return this.#source.track.position;
  }

  get progress(): FollowProgress {
    const { track, totalEntries } = this.#source;
    return progressAt(typeof track.from === 'bigint' ? track.from : undefined, totalEntries(), track);
  }

  async next(): Promise<IteratorResult<EntryBatch, undefined>> {
    const { batches, ending } = this.#source;
    try {
      return await batches.next();
    } catch (error) {
      if (ending.signal.aborted) return DONE;
      throw error;
    }
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    const { batches, ending } = this.#source;
    ending.abort();
    await batches.return(undefined);
    return DONE;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Follows entry by entry. An entry that has come is given without waiting for anything. */
export class EntryFollowing implements Following<Entry> {
  readonly #batches: BatchFollowing;
  readonly #track: Track;
  readonly #types: ReadonlySet<number> | undefined;
  /** How many entries are still to be given, where those of some types are counted; undefined: the batches know. */
  #left: bigint | undefined;
  #batch: EntryBatch | undefined;
  /** Entries of the batch that were given or passed over. */
  #index = 0;
  /** Calls of `next` that wait for entries, and the end of the last one of them: they are served in turn. */
  #waiting = 0;
  #served: Promise<unknown> = Promise.resolve();

  constructor(source: Source, { types, count }: FollowOptions) {
    this.#batches = new BatchFollowing(source);
    this.#track = source.track;
    this.#types = types && new Set(types);
    this.#left = types && entriesWanted({ ...(count !== undefined && { count }) }, 0n);
  }

  get position(): StreamPosition | undefined {
    const { identity } = this.#track;
    if (!this.#batch || !identity || this.#index === this.#batch.count) return this.#batches.position;
    if (this.#index === 0) return undefined;
    return positionAfter(identity, this.#batch.slice(this.#index - 1, this.#index).bytes);
  }

  get progress(): FollowProgress {
    const progress = this.#batches.progress;
    if (!this.#batch) return progress;
    const nextEntry = this.#batch.firstEntry + BigInt(this.#index);
    return progressAt(nextEntry, progress.totalEntries, this.#track);
  }

  next(): Promise<IteratorResult<Entry, undefined>> {
    if (this.#waiting === 0) {
      const result = this.#take();
      if (result && !result.done) return Promise.resolve(result);
    }
    this.#waiting++;
    const result = this.#served.then(() => this.#wait());
    this.#served = result.catch(() => undefined);
    return result;
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    return this.#batches.return();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next entry, if it has come; or the end, if it is reached. */
  #take(): IteratorResult<Entry, undefined> | undefined {
    if (this.#left === 0n) return DONE;
    const batch = this.#batch;
    if (!batch) return undefined;
    while (this.#index < batch.count) {
      const index = this.#index++;
      if (this.#types && !this.#types.has(batch.type(index))) continue;
      if (this.#left !== undefined) this.#left--;
      return { done: false, value: batch.entry(index) };
    }
    return undefined;
  }

  async #wait(): Promise<IteratorResult<Entry, undefined>> {
    try {
      for (;;) {
        const taken = this.#take();
        if (taken?.done) await this.return();
        if (taken) return taken;
        const { done, value } = await this.#batches.next();
        if (done) return DONE;
        this.#batch = value;
        this.#index = 0;
      }
    } finally {
      // Before the caller goes on: what it asks for next need not wait for this.
      this.#waiting--;
    }
  }
}

function progressAt(
  nextEntry: bigint | undefined,
  heard: bigint | undefined,
  { entries, bytes }: Track,
): FollowProgress {
  const isAhead = nextEntry !== undefined && heard !== undefined && nextEntry > heard;
  const totalEntries = isAhead ? nextEntry : heard;
  const lag = nextEntry === undefined || totalEntries === undefined ? undefined : totalEntries - nextEntry;
  return {
    nextEntry,
    totalEntries,
    lag,
    entries: entries.total,
    bytes: bytes.total,
    entriesPerSecond: entries.perSecond,
    bytesPerSecond: bytes.perSecond,
  };
}
