/** Reads an outbox: makes requests again of what stands there, and says what a server's stream must look like. */
import {
  BOOKMARK_ENTRY_TYPE,
  ENTRY_BYTES_MAX,
  entryAt,
  entryLengthAt,
  OperationEncoder,
  type Header,
} from '@ds/codec';

import type { Request } from '../requests/request-log.js';
import type { Outbox } from './outbox.js';

/** Bytes of operations that are sent as one because it is not known where each of them ends. */
const JOINED_BYTES_MAX = 16 << 20;

const nothing = (): void => undefined;

export class OutboxReader {
  readonly #outbox: Outbox;
  readonly #streamType: bigint;

  constructor(outbox: Outbox, streamType: bigint) {
    this.#outbox = outbox;
    this.#streamType = streamType;
  }

  /** Entries that are there for good. */
  get entries(): bigint {
    return this.#outbox.header.totalEntries;
  }

  /** Whether a server with this header has the same stream, as far as that can be told: as many entries take as many bytes. */
  async agrees({ totalEntries, totalLength }: Header): Promise<boolean> {
    if (totalEntries === 0n || totalEntries > this.entries) return totalEntries === 0n;
    const last = await this.#outbox.offsetOf(totalEntries - 1n);
    const next = await this.#outbox.offsetOf(totalEntries);
    const chunk = last === undefined ? undefined : await this.#outbox.read(last, ENTRY_BYTES_MAX);
    if (!chunk || next === undefined) return false;
    // A page's rest belongs to the stream while the next page has an entry, and stays when that one is cut off.
    const end = chunk.nextOffset - chunk.bytes.length + entryLengthAt(chunk.bytes, 0);
    return totalLength === BigInt(end) || totalLength === BigInt(next);
  }

  /**
   * The operation from `first` on, as a request of the log; where the outbox does not know how far it goes, as many entries
   * as stand in one page. Undefined where there are none.
   */
  async operationFrom(first: bigint, end: bigint): Promise<Request | undefined> {
    let offset = await this.#outbox.offsetOf(first);
    if (offset === undefined) return undefined;
    const known = await this.#operationEnd(first, offset);
    const until = known !== undefined && known < end ? known : end;
    // One of its own: servers are caught up with at the same time.
    const encoder = new OperationEncoder(this.#streamType);
    let next = first;
    do {
      const chunk = await this.#outbox.read(offset, ENTRY_BYTES_MAX);
      if (!chunk) break;
      next = addTo(encoder, chunk.bytes, next, until);
      offset = chunk.nextOffset;
    } while (known !== undefined && next < until);
    if (next === first) return undefined;
    return {
      kind: 'operation',
      bytes: encoder.finish(first).slice(),
      entriesBefore: first,
      entriesAfter: next,
      resolve: nothing,
      reject: nothing,
    };
  }

  /**
   * Where the operation ends that begins with `first`, which stands at `offset`. Operations of which only the end of the last
   * one is known, as after a crash, are taken for one, unless that would be too large to be held.
   */
  async #operationEnd(first: bigint, offset: number): Promise<bigint | undefined> {
    const operation = this.#outbox.operationAt?.(first);
    if (!operation || operation.commitTimeMs !== undefined) return operation?.nextEntry;
    const end = await this.#outbox.offsetOf(operation.nextEntry);
    return end !== undefined && end - offset <= JOINED_BYTES_MAX ? operation.nextEntry : undefined;
  }
}

/** Adds stored entries, numbered from `next` on, up to `until`; returns the number behind them. */
function addTo(encoder: OperationEncoder, bytes: Uint8Array, next: bigint, until: bigint): bigint {
  let number = next;
  for (let at = 0; at < bytes.length && number < until; at += entryLengthAt(bytes, at), number++) {
    const { type, data } = entryAt(bytes, at);
    if (type === BOOKMARK_ENTRY_TYPE) encoder.addBookmark(data);
    else encoder.addEntry(type, data);
  }
  return number;
}
