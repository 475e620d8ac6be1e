// What a stream is, as simply as it can be said: a list of entries, and where each of them stands. Tests compare a stream
// file with it. A model never changes: each operation makes a new one.
import { concat, entryBytes } from './bytes.js';
import type { Random } from './random.js';

export const BOOKMARK = 0xb0;
const HEADER_PAGE_BYTES = 4096;
const HEAD_BYTES = 17;

export interface Item {
  readonly type: number;
  readonly data: Uint8Array;
}

/** Where an operation ends, or what a cut has left of one. */
export interface Boundary {
  readonly nextEntry: number;
  readonly isWhole: boolean;
}

type Parts = Pick<Model, 'items' | 'offsets' | 'length' | 'epoch' | 'boundaries'>;

export class Model {
  readonly pageBytes: number;
  readonly items: readonly Item[];
  /** Offset of each entry in the file. */
  readonly offsets: readonly number[];
  /** Bytes of the file in use. */
  readonly length: number;
  readonly epoch: bigint;
  readonly boundaries: readonly Boundary[];
  #encoded: readonly Uint8Array[] | undefined;
  #bytes: Uint8Array | undefined;

  constructor(pageBytes: number, from?: Parts) {
    this.pageBytes = pageBytes;
    this.items = from?.items ?? [];
    this.offsets = from?.offsets ?? [];
    this.length = from?.length ?? HEADER_PAGE_BYTES;
    this.epoch = from?.epoch ?? 0n;
    this.boundaries = from?.boundaries ?? [];
  }

  append(items: readonly Item[]): Model {
    const offsets = [...this.offsets];
    let { length } = this;
    for (const { data } of items) {
      const bytes = HEAD_BYTES + data.length;
      const room = this.pageBytes - ((length - HEADER_PAGE_BYTES) % this.pageBytes);
      if (bytes > room) length += room;
      offsets.push(length);
      length += bytes;
    }
    const nextEntry = this.items.length + items.length;
    const boundaries =
      items.length > 0 ? [...this.boundaries, { nextEntry, isWhole: true }] : this.boundaries;
    return this.#with({ items: [...this.items, ...items], offsets, length, boundaries });
  }

  truncate(entry: number): Model {
    const length = this.offsets[entry] ?? this.length;
    const whole = this.boundaries.filter(({ nextEntry }) => nextEntry <= entry);
    const isInside = entry > (whole.at(-1)?.nextEntry ?? 0);
    return this.#with({
      items: this.items.slice(0, entry),
      offsets: this.offsets.slice(0, entry),
      length,
      boundaries: isInside ? [...whole, { nextEntry: entry, isWhole: false }] : whole,
    });
  }

  update(entry: number, data: Uint8Array): Model {
    return this.#with({ items: this.items.map((item, i) => (i === entry ? { ...item, data } : item)) });
  }

  raiseEpoch(epoch: bigint): Model {
    return epoch > this.epoch ? this.#with({ epoch }) : this;
  }

  /** Each entry as it stands in the file. */
  get encoded(): readonly Uint8Array[] {
    this.#encoded ??= this.items.map(({ type, data }, number) => entryBytes(type, number, data));
    return this.#encoded;
  }

  /** All entries back to back. */
  get bytes(): Uint8Array {
    this.#bytes ??= concat(this.encoded);
    return this.#bytes;
  }

  bookmark(key: Uint8Array): number | undefined {
    const entry = this.items.findLastIndex(
      ({ type, data }) => type === BOOKMARK && Buffer.compare(data, key) === 0,
    );
    return entry === -1 ? undefined : entry;
  }

  /** Number of the first entry at or after a bookmark that is none itself. */
  firstEventAfter(key: Uint8Array): number | undefined {
    const from = this.bookmark(key);
    if (from === undefined) return undefined;
    const entry = this.items.findIndex(({ type }, i) => i >= from && type !== BOOKMARK);
    return entry === -1 ? undefined : entry;
  }

  dataBetween(from: number, to: number): Uint8Array {
    return concat(
      this.items
        .slice(from, to)
        .filter(({ type }) => type !== BOOKMARK)
        .map(({ data }) => data),
    );
  }

  equals(other: Model): boolean {
    return (
      this.length === other.length &&
      this.epoch === other.epoch &&
      Buffer.compare(this.bytes, other.bytes) === 0
    );
  }

  #with(change: Partial<Parts>): Model {
    const { items, offsets, length, epoch, boundaries } = this;
    return new Model(this.pageBytes, { items, offsets, length, epoch, boundaries, ...change });
  }
}

/** Few keys, so that most are used again and again; one is the longest that there may be. */
export const keys: readonly Uint8Array[] = ['a', 'b', 'bb', 'a longest key 16'].map(
  (key) => new Uint8Array(Buffer.from(key)),
);

/** The entries of an operation: small ones, and ones that fill a page or nearly. */
export function randomItems(
  random: Pick<Random, 'chance' | 'integer' | 'pick' | 'bytes'>,
  pageBytes: number,
  most = 5,
): Item[] {
  return Array.from({ length: random.integer(1, most) }, (): Item => {
    if (random.chance(0.25)) return { type: BOOKMARK, data: random.pick(keys) };
    const largest = pageBytes - HEAD_BYTES;
    const length = random.chance(0.2)
      ? largest - random.integer(0, 2)
      : random.integer(0, Math.min(largest, 30));
    return { type: random.pick([0, 1, 2, 0xffff_ffff]), data: random.bytes(length) };
  });
}
