/** Finds out what a page holds, at once or while it is being filled. */
import { entryLengthAt, entryNumberAt } from '@ds/codec';

import { crcOf, joinedCrc } from '../journal/checksums.js';
import { blockBytesMin, type Block, type PageRow } from './page-directory.js';
import type { Page } from './page.js';

export class RowBuilder {
  readonly #page: Pick<Page, 'bytes' | 'view'>;
  readonly #blockBytesMin: number;
  readonly #blocks: Block[] = [];
  #entries = 0;
  #end = 0;
  /** The block that has not ended: where it begins, and the CRC-32 of its bytes so far. */
  #blockOffset = 0;
  #entriesBefore = 0;
  #blockCrc = 0;

  constructor(page: Pick<Page, 'bytes' | 'view'>) {
    this.#page = page;
    this.#blockBytesMin = blockBytesMin(page.bytes.length);
  }

  /** Offset in the page up to which its entries were taken in. */
  get end(): number {
    return this.#end;
  }

  /** Takes in the entries up to `to`, which must be right; returns the CRC-32 of their bytes. */
  add(to: number): number {
    const { bytes, view } = this.#page;
    let crc = 0;
    let from = this.#end;
    for (let at = from; at < to;) {
      at += entryLengthAt(bytes, at);
      this.#entries++;
      const endsBlock = at - this.#blockOffset >= this.#blockBytesMin;
      if (!endsBlock && at < to) continue;
      const part = crcOf(view, from, at);
      crc = joinedCrc(crc, part, at - from);
      this.#blockCrc = joinedCrc(this.#blockCrc, part, at - from);
      from = at;
      if (!endsBlock) continue;
      this.#blocks.push(this.#block());
      this.#blockOffset = at;
      this.#entriesBefore = this.#entries;
      this.#blockCrc = 0;
    }
    this.#end = from;
    return crc;
  }

  /** What the page holds, up to `end`. */
  row(): PageRow {
    return {
      firstEntry: entryNumberAt(this.#page.bytes, 0),
      entries: this.#entries,
      end: this.#end,
      blocks: this.#end > this.#blockOffset ? [...this.#blocks, this.#block()] : this.#blocks,
    };
  }

  #block(): Block {
    return { offset: this.#blockOffset, entriesBefore: this.#entriesBefore, crc: this.#blockCrc };
  }
}
