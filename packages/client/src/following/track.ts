/** What one activity of following has come to: what its consumer is told, and what it goes on from after a lost connection. */
import { equalBytes, type EntryBatch, type Header, type StreamIdentity } from '@ds/codec';

import { digestOf, positionAfter, type StreamPosition } from '../resuming/position.js';
import { isPosition } from './options.js';
import { Rate } from './rate.js';

export class Track {
  /** Which stream is followed. */
  identity: Pick<StreamIdentity, 'systemId' | 'streamType'> | undefined;
  /** Where the stream goes on: an entry's number, or where to find it. */
  from: bigint | Uint8Array | 'latest';
  readonly entries = new Rate();
  readonly bytes = new Rate();
  /** The entry before `from`, as it stands on the wire, or its SHA-256. */
  #last: Uint8Array | undefined;
  #digest: string | undefined;

  constructor(from: bigint | Uint8Array | 'latest' | StreamPosition) {
    if (isPosition(from)) {
      this.identity = from;
      this.from = from.nextEntry;
      this.#digest = from.lastEntry;
    } else {
      this.from = from;
    }
  }

  /** The stream is this one. */
  identify({ systemId, streamType }: Header): void {
    this.identity ??= { systemId, streamType };
  }

  /** A batch is given to the consumer. */
  give(batch: EntryBatch): void {
    this.from = batch.nextEntry;
    this.#last = batch.slice(batch.count - 1, batch.count).bytes;
    this.#digest = undefined;
    this.entries.add(batch.count);
    this.bytes.add(batch.bytes.length);
  }

  /** The memory of what was given last is about to be used again. */
  keepLast(): void {
    if (this.#last) this.#last = new Uint8Array(this.#last);
  }

  /** Whether the entry before `from` is known. */
  get knowsLast(): boolean {
    return this.#last !== undefined || this.#digest !== undefined;
  }

  isLast(entry: Uint8Array): boolean {
    return this.#last ? equalBytes(this.#last, entry) : this.#digest === digestOf(entry);
  }

  /** The position behind all that was given. */
  get position(): StreamPosition | undefined {
    if (!this.identity || typeof this.from !== 'bigint') return undefined;
    if (this.#last) return positionAfter(this.identity, this.#last);
    const { systemId, streamType } = this.identity;
    const lastEntry = this.#digest;
    return { systemId, streamType, nextEntry: this.from, ...(lastEntry !== undefined && { lastEntry }) };
  }
}
