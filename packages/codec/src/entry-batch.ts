/**
 * Entries in a row, as they stand in the file and on the wire: to be passed on as bytes, or taken apart.
 *
 * Finding the entries in a run of bytes is one pass over their heads, with a `DataView`, several times as fast in a long
 * loop as putting integers together from bytes. It remembers where they start. Everything else is done when it is asked for.
 */
import { copyOf, readU64 } from './bytes.js';
import {
  ENTRY_BYTES_MAX,
  ENTRY_HEAD_BYTES,
  ENTRY_PACKET,
  entryLengthAt,
  entryTypeAt,
  type Entry,
} from './data-entry.js';
import { CodecError } from './errors.js';

/** Whole, consecutive entries. What it gives are views of `bytes`, valid as long as nobody writes to these. */
export class EntryBatch implements Iterable<Entry> {
  /** The entries back to back. */
  readonly bytes: Uint8Array;
  /** Number of the first entry. A u64. */
  readonly firstEntry: bigint;
  /** How many entries there are: at least 1. */
  readonly count: number;
  /** Where each entry starts, and where the last one ends; unless it is known, made when first needed. */
  #offsets: Uint32Array | undefined;
  // To ask a byte array for these costs as much as to make a view.
  readonly #buffer: ArrayBufferLike;
  readonly #byteOffset: number;

  /**
   * For bytes that are known to be such entries; `entryBatch` checks others.
   * @param offsets where each entry starts, and where the last one ends, if that is known: `count` + 1 of them
   */
  constructor(bytes: Uint8Array, firstEntry: bigint, count: number, offsets?: Uint32Array) {
    this.bytes = bytes;
    this.#buffer = bytes.buffer;
    this.#byteOffset = bytes.byteOffset;
    this.firstEntry = firstEntry;
    this.count = count;
    this.#offsets = offsets;
  }

  /** Number of the entry behind the last one. */
  get nextEntry(): bigint {
    return this.firstEntry + BigInt(this.count);
  }

  /** The entry with an index, from 0 up to, not including, `count`. */
  entry(index: number): Entry {
    return this.#entryAt(this.offset(index), this.offset(index + 1));
  }

  /** Type of the entry with an index. */
  type(index: number): number {
    return entryTypeAt(this.bytes, this.offset(index));
  }

  /** Data of the entry with an index. */
  data(index: number): Uint8Array {
    // The same as with `offset`, with one check for both.
    const offsets = (this.#offsets ??= offsetsOf(this.bytes, this.count));
    const start = offsets[index];
    if (start === undefined || index === this.count) this.#noEntry(index);
    return this.#dataAt(start, offsets[index + 1]!);
  }

  /** Where the entry with an index starts in `bytes`; for `count`, where they end. */
  offset(index: number): number {
    this.#offsets ??= offsetsOf(this.bytes, this.count);
    return this.#offsets[index] ?? this.#noEntry(index);
  }

  /** The entries from index `from` up to, not including, `to`, which must be at least one. A view. */
  slice(from: number, to: number): EntryBatch {
    if (from === 0 && to === this.count) return this;
    const bytes = this.bytes.subarray(this.offset(from), this.offset(to));
    return new EntryBatch(bytes, this.firstEntry + BigInt(from), to - from);
  }

  /** The same entries in memory of their own. */
  copy(): EntryBatch {
    return new EntryBatch(
      copyOf(this.bytes, 0, this.bytes.length),
      this.firstEntry,
      this.count,
      this.#offsets,
    );
  }

  /** The entries, one after the other. */
  [Symbol.iterator](): Iterator<Entry, undefined> {
    const { bytes } = this;
    let at = 0;
    return {
      next: () => {
        if (at >= bytes.length) return { done: true, value: undefined };
        const start = at;
        at += entryLengthAt(bytes, start);
        return { done: false, value: this.#entryAt(start, at) };
      },
    };
  }

  #noEntry(index: number): never {
    throw new RangeError(`no entry ${index} in a batch of ${this.count}`);
  }

  #entryAt(start: number, end: number): Entry {
    const { bytes } = this;
    return {
      type: entryTypeAt(bytes, start),
      number: readU64(bytes, start + 9),
      data: this.#dataAt(start, end),
    };
  }

  #dataAt(start: number, end: number): Uint8Array {
    const length = end - start - ENTRY_HEAD_BYTES;
    return new Uint8Array(this.#buffer, this.#byteOffset + start + ENTRY_HEAD_BYTES, length);
  }
}

/**
 * The batch that `bytes` are, from the first to the last byte.
 * @throws {CodecError} `unknown-packet`, `packet-length` or `sequence` if they are not whole, consecutive entries.
 */
export function entryBatch(bytes: Uint8Array): EntryBatch {
  const batch = leadingEntries(bytes, 0, bytes.length);
  const end = batch.bytes.length;
  if (end === bytes.length && end > 0) return batch;
  if (end < bytes.length && (bytes[end] !== ENTRY_PACKET || bytes.length - end < ENTRY_HEAD_BYTES)) {
    throw new CodecError('unknown-packet', `no entry starts at byte ${end} of a batch of ${bytes.length}`);
  }
  if (batch.count > 0 && readU64(bytes, end + 9) !== batch.nextEntry) {
    throw new CodecError(
      'sequence',
      `entry ${readU64(bytes, end + 9)} follows entry ${batch.nextEntry - 1n}`,
    );
  }
  if (end < bytes.length) checkEntryLength(bytes, end);
  throw new CodecError('packet-length', `a batch of ${bytes.length} bytes does not end with an entry's end`);
}

/** Entries whose offsets there is room for at first, and for so many at most that is kept. */
const WALKED_FIRST = 1 << 10;
const WALKED_MAX = 1 << 16;
/** Where the entries start that are being walked. Each batch gets a copy of its own. */
let walked = new Uint32Array(WALKED_FIRST);

/** All whole, consecutive entries that `bytes[at..end)` starts with: possibly none. What is behind them is not judged. */
export function leadingEntries(bytes: Uint8Array, at: number, end: number): EntryBatch {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, end - at);
  const { byteLength } = view;
  const first = byteLength < ENTRY_HEAD_BYTES ? 0n : readU64(bytes, at + 9);
  let high = Number(first >> 32n);
  let low = Number(first & 0xffff_ffffn);
  let count = 0;
  let next = 0;
  let offsets = walked;
  while (byteLength - next >= ENTRY_HEAD_BYTES && view.getUint8(next) === ENTRY_PACKET) {
    const length = view.getUint32(next + 1);
    if (!isEntryLength(length) || length > byteLength - next) break;
    if (view.getUint32(next + 13) !== low || view.getUint32(next + 9) !== high) break;
    offsets[count++] = next;
    next += length;
    if (count === offsets.length) offsets = twiceAsLong(offsets);
    // The next number, exactly, over all of u64.
    low = (low + 1) >>> 0;
    if (low === 0) high++;
  }
  offsets[count] = next;
  if (offsets.length <= WALKED_MAX) walked = offsets;
  return new EntryBatch(bytes.subarray(at, at + next), first, count, offsets.slice(0, count + 1));
}

function twiceAsLong(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const longer = new Uint32Array(2 * array.length);
  longer.set(array);
  return longer;
}

/**
 * Length of the entry that stands at `at`.
 * @throws {CodecError} `packet-length` if no entry has that.
 */
export function checkEntryLength(bytes: Uint8Array, at: number): number {
  const length = entryLengthAt(bytes, at);
  if (isEntryLength(length)) return length;
  throw new CodecError(
    'packet-length',
    `entry ${readU64(bytes, at + 9)} declares ${length} bytes: expected ${ENTRY_HEAD_BYTES} to ${ENTRY_BYTES_MAX}`,
  );
}

function isEntryLength(length: number): boolean {
  return length >= ENTRY_HEAD_BYTES && length <= ENTRY_BYTES_MAX;
}

function offsetsOf(bytes: Uint8Array, count: number): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const offsets = new Uint32Array(count + 1);
  let at = 0;
  for (let index = 0; index < count; index++) {
    offsets[index] = at;
    at += view.getUint32(at + 1);
  }
  offsets[count] = at;
  return offsets;
}
