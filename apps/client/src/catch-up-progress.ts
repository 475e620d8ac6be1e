/**
 * A bar on the terminal while a client is behind the stream: how far it is, and how fast. It is gone when the client has
 * caught up with where the stream's end was when the connection was made; where stderr is no terminal it never comes.
 */

import { Presets, SingleBar } from 'cli-progress';
import type { EntryBatch } from '@ds/codec';

/** Where a bar is drawn, if it is a terminal: stderr fits. */
export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean };

/** What is known of the end before the first entry. */
export interface ProgressOptions {
  /** Entries wanted in all. */
  readonly count?: bigint | undefined;
  /** Last entry wanted. */
  readonly until?: bigint | undefined;
  /** Whether entries are written to the same terminal. */
  readonly sharesScreen: boolean;
}

const CLEAR_LINE = '\r\x1b[K';
/** The bar puts the cursor back where it was last saved, which has to be the line that the bar is on. */
const SAVE_CURSOR = '\x1b7';
const BAR_COLUMNS = 16;

export class CatchUpProgress {
  readonly #stream: ProgressStream;
  readonly #options: ProgressOptions;
  readonly #bar: SingleBar;
  #totalEntries = 0n;
  /** Number of the first entry of all, and the one behind the last wanted. */
  #first: bigint | undefined;
  #wantedEnd: bigint | undefined;
  #startEntry = 0n;
  #startMs = 0;
  #bytes = 0;

  constructor(stream: ProgressStream, options: ProgressOptions) {
    this.#stream = stream;
    this.#options = options;
    const format = '{bar} {percentage}%  {value} of {total} entries  {rate}  {eta_formatted}';
    const settings = {
      stream,
      format,
      barsize: BAR_COLUMNS,
      clearOnComplete: true,
      forceRedraw: true,
      gracefulExit: false,
      // Without it, long lines of entries would be cut while the bar is there.
      linewrap: options.sharesScreen,
    };
    this.#bar = new SingleBar(settings, Presets.shades_classic);
  }

  /** The stream has begun, and has so many entries. */
  streaming(totalEntries: bigint): void {
    this.#totalEntries = totalEntries;
  }

  /** Takes the bar off the screen, where entries are about to be written. */
  makeRoom(): void {
    if (this.#bar.isActive && this.#options.sharesScreen) this.#stream.write(CLEAR_LINE);
  }

  /** Entries have been written. */
  advance({ firstEntry, count, bytes }: EntryBatch): void {
    if (this.#stream.isTTY !== true) return;
    this.#first ??= firstEntry;
    this.#wantedEnd ??= wantedEnd(this.#first, this.#options);
    const end =
      this.#wantedEnd !== undefined && this.#wantedEnd < this.#totalEntries
        ? this.#wantedEnd
        : this.#totalEntries;
    const next = firstEntry + BigInt(count);
    if (next >= end) {
      this.stop();
      return;
    }
    if (!this.#bar.isActive) this.#start(firstEntry, end);
    this.#bytes += bytes.length;
    this.#bar.update(Number(next - this.#startEntry), { rate: this.#rate(next) });
    if (this.#options.sharesScreen) this.#bar.render();
  }

  /** Takes the bar away. */
  stop(): void {
    if (!this.#bar.isActive) return;
    if (this.#options.sharesScreen) this.#stream.write(`\r${SAVE_CURSOR}`);
    this.#bar.stop();
  }

  #start(firstEntry: bigint, end: bigint): void {
    this.#startEntry = firstEntry;
    this.#startMs = performance.now();
    this.#bytes = 0;
    this.#bar.start(Number(end - firstEntry), 0, { rate: '' });
  }

  #rate(next: bigint): string {
    const seconds = Math.max(performance.now() - this.#startMs, 1) / 1000;
    const perSecond = Math.round(Number(next - this.#startEntry) / seconds);
    const megabytes = (this.#bytes / seconds / 1e6).toFixed(1);
    return `${perSecond}/s  ${megabytes} MB/s`;
  }
}

function wantedEnd(first: bigint, { count, until }: ProgressOptions): bigint | undefined {
  if (count !== undefined) return first + count;
  return until === undefined ? undefined : until + 1n;
}
