/** Holds the stream's operations against the journal, in one pass over the stream. */
import { crc32 } from 'node:zlib';

import { entryNumberAt } from '@ds/codec';

import type { Extent } from '../commits/header-page.js';
import { isEntry } from '../pages/page-check.js';
import type { FoundOperation } from './journal-records.js';
import type { StoredJournal } from './stored-journal.js';

/** Something that does not fit: the bytes of an operation, or a record. */
export interface OperationMismatch {
  readonly kind: 'data' | 'record';
  readonly operation: FoundOperation;
}

export class OperationCheck {
  /** Operations whose bytes were held against their checksum. */
  count = 0;
  readonly #journal: StoredJournal;
  readonly #committed: Extent;
  #current: FoundOperation | undefined;
  #crc = 0;
  /** Whether all of the current one's bytes were seen so far. */
  #isWhole = false;

  constructor(journal: StoredJournal, committed: Extent) {
    this.#journal = journal;
    this.#committed = committed;
  }

  /** Bytes are missing here: what is under way cannot be judged. */
  interrupt(): void {
    this.#current = undefined;
  }

  /** Takes in whole entries, in the order of the stream, the first of which stands at `offset`. */
  *add(bytes: Uint8Array, offset: number): Generator<OperationMismatch, void, undefined> {
    if (!this.#journal.isThere) return;
    for (let at = 0; at < bytes.length;) {
      const operation = this.#current ?? this.#begin(entryNumberAt(bytes, at), offset + at);
      const end = operation.endOffset - offset;
      const stop = Math.min(bytes.length, end);
      if (stop <= at) {
        yield { kind: 'record', operation };
        this.interrupt();
        return;
      }
      this.#crc = crc32(bytes.subarray(at, stop), this.#crc);
      at = stop;
      if (stop < end) return;
      this.#current = undefined;
      const fits =
        at === bytes.length || (isEntry(bytes, at) && entryNumberAt(bytes, at) === operation.nextEntry);
      if (!fits) {
        yield { kind: 'record', operation };
        return;
      }
      if (!this.#isWhole || operation.commitTimeMs === 0) continue;
      this.count++;
      if (this.#crc !== operation.crc) yield { kind: 'data', operation };
    }
  }

  #begin(entry: number, startOffset: number): FoundOperation {
    // The journal's begins where the one before it ends, which may be in front of padding.
    const operation = { ...this.#journal.find(entry, this.#committed), startOffset };
    this.#current = operation;
    this.#crc = 0;
    this.#isWhole = operation.firstEntry === entry;
    return operation;
  }
}
