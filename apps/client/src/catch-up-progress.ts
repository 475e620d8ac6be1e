/**
 * A bar on the terminal while a client is behind the stream: how far it is, how fast, and how long until it is at the head.
 * It is gone when the client has caught up; where stderr is no terminal it never comes.
 */

import { Presets, SingleBar } from 'cli-progress';
import type { FollowProgress } from '@ds/client';

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
  /** Number of the first entry of all. */
  #first: bigint | undefined;

  constructor(stream: ProgressStream, options: ProgressOptions) {
    this.#stream = stream;
    this.#options = options;
    const format = '{bar} {percentage}%  {value} of {total} entries  {rate}  {lag} behind  {eta_formatted}';
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

  /** Whether there is a terminal to draw on. */
  get isShown(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Takes the bar off the screen, where entries are about to be written. */
  makeRoom(): void {
    if (this.#bar.isActive && this.#options.sharesScreen) this.#stream.write(CLEAR_LINE);
  }

  /** Entries from `firstEntry` on have been written. */
  advance(firstEntry: bigint, progress: FollowProgress): void {
    const { nextEntry, totalEntries = 0n } = progress;
    if (!this.isShown || nextEntry === undefined) return;
    this.#first ??= firstEntry;
    const wanted = wantedEnd(this.#first, this.#options) ?? totalEntries;
    const end = wanted < totalEntries ? wanted : totalEntries;
    if (nextEntry >= end) {
      this.stop();
      return;
    }
    const total = Number(end - this.#first);
    if (!this.#bar.isActive) this.#bar.start(total, 0, { rate: '', lag: end - nextEntry });
    this.#bar.setTotal(total);
    this.#bar.update(Number(nextEntry - this.#first), { rate: rateText(progress), lag: end - nextEntry });
    if (this.#options.sharesScreen) this.#bar.render();
  }

  /** Takes the bar away. */
  stop(): void {
    if (!this.#bar.isActive) return;
    if (this.#options.sharesScreen) this.#stream.write(`\r${SAVE_CURSOR}`);
    this.#bar.stop();
  }
}

function rateText({ entriesPerSecond, bytesPerSecond }: FollowProgress): string {
  return `${Math.round(entriesPerSecond)}/s  ${(bytesPerSecond / 1e6).toFixed(1)} MB/s`;
}

function wantedEnd(first: bigint, { count, until }: ProgressOptions): bigint | undefined {
  if (count !== undefined) return first + count;
  return until === undefined ? undefined : until + 1n;
}
