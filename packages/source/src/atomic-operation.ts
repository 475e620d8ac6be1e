/**
 * An atomic operation that is being made. It is built in memory: nothing of it is sent before it is committed, so one that
 * is rolled back leaves no trace anywhere, and any number of them can be open at a time.
 */
import { isUint8Array } from 'node:util/types';

import { BOOKMARK_ENTRY_TYPE, CodecError, type OperationEncoder } from '@ds/codec';

import type { WaitOptions } from './abortable.js';
import { SourceError } from './errors.js';

/** The entries of an operation that is acknowledged. */
export interface Commit {
  /** Number of the first one; that of the next entry if the operation was empty. A u64. */
  readonly firstEntry: bigint;
  /** Number of the entry behind the last one. A u64. */
  readonly nextEntry: bigint;
}

/** What an operation needs of its source. */
export interface OperationOwner {
  readonly operationBytesMax: number;
  /** Takes the operation over; it is over then. */
  commit(encoder: OperationEncoder, wait: WaitOptions): Promise<Commit>;
  /** The operation is over. */
  rolledBack(encoder: OperationEncoder): void;
}

/** Messages of an entry and of a bookmark, their data apart. */
const ENTRY_BYTES = 24;
const BOOKMARK_BYTES = 20;

/** One atomic operation: its entries are in the stream together, or none is. Leaving its `using` scope rolls it back. */
export class AtomicOperation implements Disposable, AsyncDisposable {
  readonly #owner: OperationOwner;
  #encoder: OperationEncoder | undefined;

  /** @internal */
  constructor(owner: OperationOwner, encoder: OperationEncoder) {
    this.#owner = owner;
    this.#encoder = encoder;
  }

  /**
   * Entries and bookmarks that were added.
   * @throws {SourceError} `operation-ended`
   */
  get entryCount(): number {
    return this.#open().entryCount;
  }

  /**
   * Adds an entry. The data are copied.
   * @param type what the data are, as the application numbers it: a u32, but not 176 (0xb0), a bookmark's
   * @param data 0 to 1,048,559 bytes
   * @throws {SourceError} `operation-ended`, or `bad-entry` or `too-large`, after which the operation goes on without the entry
   */
  addEntry(type: number, data: Uint8Array): void {
    checkBytes('data', data);
    if (type === BOOKMARK_ENTRY_TYPE) {
      throw new SourceError(
        'bad-entry',
        `entry type ${type} is kept for bookmarks: add one with addBookmark`,
      );
    }
    const encoder = this.#openFor(ENTRY_BYTES + data.length);
    try {
      encoder.addEntry(type, data);
    } catch (cause) {
      throw badEntry(cause);
    }
  }

  /**
   * Adds a bookmark: an entry of its own, by whose key clients find their place.
   * @param key 1 to 16 bytes, which are copied
   * @throws {SourceError} as `addEntry`
   */
  addBookmark(key: Uint8Array): void {
    checkBytes('key', key);
    const encoder = this.#openFor(BOOKMARK_BYTES + key.length);
    try {
      encoder.addBookmark(key);
    } catch (cause) {
      throw badEntry(cause);
    }
  }

  /**
   * Commits. Operations get their numbers in the order of these calls; resolves when enough servers have acknowledged it.
   * An operation without entries changes nothing, and is sent to nobody.
   * @param wait `signal` ends the wait alone: the operation is on its way. One that is aborted already leaves it open.
   * @throws {SourceError} `operation-ended`, `closed`, or why nothing can be written any more: `fenced`, `no-server`, `outbox`
   */
  commit(wait: WaitOptions = {}): Promise<Commit> {
    const encoder = this.#encoder;
    if (!encoder) return Promise.reject(ended());
    if (wait.signal?.aborted) return Promise.reject(wait.signal.reason as Error);
    this.#encoder = undefined;
    return this.#owner.commit(encoder, wait);
  }

  /** Forgets all that was added, unless the operation is committed or rolled back already. */
  rollback(): void {
    const encoder = this.#encoder;
    this.#encoder = undefined;
    if (encoder) this.#owner.rolledBack(encoder);
  }

  [Symbol.dispose](): void {
    this.rollback();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.rollback();
    return Promise.resolve();
  }

  /** What the operation is encoded with, which has room for so many bytes. */
  #openFor(bytes: number): OperationEncoder {
    const encoder = this.#open();
    const { operationBytesMax } = this.#owner;
    if (encoder.length + bytes > operationBytesMax) {
      throw new SourceError('too-large', `the operation is larger than ${operationBytesMax} bytes`);
    }
    return encoder;
  }

  #open(): OperationEncoder {
    if (!this.#encoder) throw ended();
    return this.#encoder;
  }
}

function ended(): SourceError {
  return new SourceError(
    'operation-ended',
    'the operation is committed or rolled back already: start another one',
  );
}

/** Text, say, would be taken for so many zeros. */
export function checkBytes(name: string, bytes: unknown): void {
  if (!isUint8Array(bytes)) throw new SourceError('bad-entry', `${name} is not a Uint8Array`);
}

function badEntry(cause: unknown): unknown {
  return cause instanceof CodecError ? new SourceError('bad-entry', cause.message, { cause }) : cause;
}
