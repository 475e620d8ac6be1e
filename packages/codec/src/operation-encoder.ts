/**
 * An atomic operation as the messages that a source sends for it, back to back in one array: StartAtomicOp, the entries and
 * bookmarks, CommitAtomicOp. Sources send tens of thousands of operations a second, so nothing is allocated for an entry.
 */
import { writeU32, writeU64 } from './bytes.js';
import { COMMAND_HEAD_BYTES } from './client-commands.js';
import { checkBookmark, checkEntry } from './data-entry.js';
import {
  ADD_STREAM_BOOKMARK,
  ADD_STREAM_ENTRY,
  COMMIT_ATOMIC_OP,
  encodeSourceMessage,
  START_ATOMIC_OP,
} from './source-messages.js';

const START_BYTES = COMMAND_HEAD_BYTES + 8;
const ENTRY_BYTES = COMMAND_HEAD_BYTES + 8;
const BOOKMARK_BYTES = COMMAND_HEAD_BYTES + 4;
const FIRST_CAPACITY = 2048;

/** Encodes one operation after the other. */
export class OperationEncoder {
  readonly #typeHigh: number;
  readonly #typeLow: number;
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #length = START_BYTES;
  #entryCount = 0;

  /** @throws {CodecError} `out-of-range` unless the stream type is a u64. */
  constructor(streamType: bigint) {
    encodeSourceMessage({ kind: 'header' }, streamType);
    this.#typeHigh = Number(streamType >> 32n);
    this.#typeLow = Number(streamType & 0xffff_ffffn);
  }

  /** Bytes of the messages so far, the commit's apart. */
  get length(): number {
    return this.#length;
  }

  /** Entries and bookmarks so far. */
  get entryCount(): number {
    return this.#entryCount;
  }

  /** Bytes of memory that are held for this operation and the next ones. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /**
   * Adds an entry; the data are copied.
   * @throws {CodecError} `entry-too-large` or `out-of-range`.
   */
  addEntry(type: number, data: Uint8Array): void {
    checkEntry(type, data);
    const at = this.#add(ADD_STREAM_ENTRY, ENTRY_BYTES + data.length);
    writeU32(this.#bytes, at, type);
    writeU32(this.#bytes, at + 4, data.length);
    this.#bytes.set(data, at + 8);
    this.#entryCount++;
  }

  /**
   * Adds a bookmark; the key is copied.
   * @throws {CodecError} `bookmark-length`.
   */
  addBookmark(key: Uint8Array): void {
    checkBookmark(key);
    const at = this.#add(ADD_STREAM_BOOKMARK, BOOKMARK_BYTES + key.length);
    writeU32(this.#bytes, at, key.length);
    this.#bytes.set(key, at + 4);
    this.#entryCount++;
  }

  /**
   * Ends the operation; the next one can be begun.
   * @param expectedEntry the number that its first entry must get
   * @returns all its messages: a view, valid until something is added again
   */
  finish(expectedEntry: bigint): Uint8Array {
    this.#head(0, START_ATOMIC_OP);
    writeU64(this.#bytes, COMMAND_HEAD_BYTES, expectedEntry);
    this.#add(COMMIT_ATOMIC_OP, COMMAND_HEAD_BYTES);
    const messages = this.#bytes.subarray(0, this.#length);
    this.clear();
    return messages;
  }

  /** Forgets what was added. */
  clear(): void {
    this.#length = START_BYTES;
    this.#entryCount = 0;
  }

  /** Makes room for a message, and writes its head; returns the offset behind that. */
  #add(message: number, bytes: number): number {
    const at = this.#length;
    const needed = at + bytes;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
    }
    this.#length = needed;
    return this.#head(at, message);
  }

  #head(at: number, message: number): number {
    writeU32(this.#bytes, at, 0);
    writeU32(this.#bytes, at + 4, message);
    writeU32(this.#bytes, at + 8, this.#typeHigh);
    writeU32(this.#bytes, at + 12, this.#typeLow);
    return at + COMMAND_HEAD_BYTES;
  }
}
