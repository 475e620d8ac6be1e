/**
 * The outbox: where a source keeps all that was committed, so that nothing is lost when it ends before the servers have it.
 *
 * It is the stream itself: every operation stands there, in order, under the same numbers as on the servers. A `StreamFile` of
 * `@ds/stream-file` is one; this interface is what of it is used, so this package need not know that one.
 */
import type { Header, SourceAdditions } from '@ds/codec';

export interface Outbox {
  /** Identity and committed size. */
  readonly header: Header;
  /** Number that the next entry gets, those that wait to be committed counted. A u64. */
  readonly nextEntry: bigint;
  /** Whether so much waits to be written that `ready` would wait. */
  readonly congested: boolean;
  /** Resolves when little enough waits to be written. */
  ready(): Promise<void>;
  startAtomicOp(): void;
  /** Adds the entries and bookmarks of messages, as they are sent to servers, to the open operation. */
  addStreamMessages(additions: SourceAdditions): void;
  rollbackAtomicOp(): void;
  /** Resolves when the operation is as durable as a commit is to be. Operations resolve in order. */
  commitAtomicOp(): Promise<unknown>;
  truncateFile(entryNumber: bigint): Promise<void>;
  updateEntryData(entryNumber: bigint, type: number, data: Uint8Array): Promise<void>;
  /** Where in the file an entry stands; the end for the next entry. A safe integer. */
  offsetOf(entryNumber: bigint): Promise<number | undefined>;
  /**
   * The operation that an entry belongs to; undefined if there is no such entry. Where the outbox does not know the
   * boundaries, it is all entries up to the next boundary that it knows, and `commitTimeMs` is undefined.
   */
  operationAt(entryNumber: bigint): StoredOperation | undefined;
  /** Committed entries from an offset on, as on the wire, back to back, at most to the end of a page. */
  read(offset: number, bytesMax: number): StoredEntries | undefined | Promise<StoredEntries | undefined>;
}

/** Entries as they stand in an outbox, and where to read on. */
export interface StoredEntries {
  readonly bytes: Uint8Array;
  readonly nextOffset: number;
}

/** An operation that stands in an outbox. */
export interface StoredOperation {
  /** Number of the entry behind its last one. A u64. */
  readonly nextEntry: bigint;
  readonly commitTimeMs: bigint | undefined;
}
