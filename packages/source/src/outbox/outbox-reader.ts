/** Reads an outbox: makes requests again of what stands there, and says what a server's stream must look like. */
import {
  BOOKMARK_ENTRY_TYPE,
  ENTRY_BYTES_MAX,
  entryAt,
  entryLengthAt,
  OperationEncoder,
  type Header,
} from '@ds/codec';

import { SourceError } from '../errors.js';
import type { Request } from '../requests/request-log.js';
import type { Outbox } from './outbox.js';

const nothing = (): void => undefined;

export class OutboxReader {
  readonly #outbox: Outbox;
  readonly #streamType: bigint;
  readonly #operationBytesMax: number;

  /** `operationBytesMax`: bytes of operations that may be sent as one because it is not known where each of them ends. */
  constructor(outbox: Outbox, streamType: bigint, operationBytesMax: number) {
    this.#outbox = outbox;
    this.#streamType = streamType;
    this.#operationBytesMax = operationBytesMax;
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
   * The operation from `first` on, before `end`, as a request of the log. Operations of which only the end of the last one is
   * known, as after a crash, are taken for one: a part of one is never sent. Undefined where there are none.
   * @throws {SourceError} `too-large` if those are more than may be sent as one
   */
  async operationFrom(first: bigint, end: bigint): Promise<Request | undefined> {
    const operation = this.#outbox.operationAt(first);
    let offset = await this.#outbox.offsetOf(first);
    if (!operation || offset === undefined) return undefined;
    const until = operation.nextEntry < end ? operation.nextEntry : end;
    if (operation.commitTimeMs === undefined) await this.#checkJoined(first, until, offset);
    // One of its own: servers are caught up with at the same time.
    const encoder = new OperationEncoder(this.#streamType);
    let next = first;
    while (next < until) {
      const chunk = await this.#outbox.read(offset, ENTRY_BYTES_MAX);
      if (!chunk) return undefined;
      next = addTo(encoder, chunk.bytes, next, until);
      offset = chunk.nextOffset;
    }
    return {
      kind: 'operation',
      bytes: encoder.finish(first).slice(),
      entriesBefore: first,
      entriesAfter: next,
      resolve: nothing,
      reject: nothing,
    };
  }

  async #checkJoined(first: bigint, until: bigint, offset: number): Promise<void> {
    const end = await this.#outbox.offsetOf(until);
    if (end === undefined || end - offset <= this.#operationBytesMax) return;
    throw new SourceError(
      'too-large',
      `the outbox does not know where the operations end that its entries ${first} to ${until - 1n} belong to, and they take ` +
        `${end - offset} bytes, more than may be sent as one (${this.#operationBytesMax}): give the server a copy of the outbox`,
    );
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
