/**
 * The stream in a worker: the file is read beside the main process, which says how far it goes.
 *
 * A commit is known here a moment later than in the main process. So that nobody is refused what was committed before he
 * asked, what is not here yet is asked for there. While the main process changes what is committed, nothing is read: all
 * that is asked for meanwhile waits.
 */
import type { Header } from '@ds/codec';
import type { Extent, Loan, StreamFileReader } from '@ds/stream-file';

import type { ServedStream } from '../clients/served-stream.js';
import type { Answer } from './messages.js';

/** What only the main process knows. By the time that it has answered, `follow` has been called with how far the stream is. */
export interface MainProcess {
  ask(bookmark?: Uint8Array): Promise<Answer>;
}

export class WorkerStream implements ServedStream {
  readonly #reader: StreamFileReader;
  readonly #main: MainProcess;
  /** Reads under way, and what is to be called when there is none. */
  #reads = 0;
  #idle: (() => void) | undefined;
  /** While nothing may be read: resolves when it may, and how. */
  #held: Promise<void> | undefined;
  #release: () => void = () => undefined;

  /** @param extent how far the stream is */
  constructor(reader: StreamFileReader, extent: Extent, main: MainProcess) {
    this.#reader = reader;
    this.#main = main;
    reader.follow(extent);
  }

  get identity(): ServedStream['identity'] {
    return this.#reader.identity;
  }

  /** What keeping pages in memory brings, and costs. */
  get cache(): StreamFileReader['cache'] {
    return this.#reader.cache;
  }

  get committedLength(): number {
    return this.#reader.committedLength;
  }

  get header(): Promise<Header> {
    return this.#main.ask().then(() => this.#read(() => this.#reader.header));
  }

  /** So far goes the stream by now. */
  follow(extent: Extent): void {
    if (!this.#held) this.#reader.follow(extent);
  }

  /** From now on nothing is read; resolves when what is being read has been. */
  async hold(): Promise<void> {
    this.#held ??= new Promise((resolve) => (this.#release = resolve));
    while (this.#reads > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    await this.#reader.settled();
  }

  /** Ends `hold`: the file may hold something else than before, as far as `extent`. */
  async resume(extent: Extent): Promise<void> {
    await this.#reader.reopen();
    this.#reader.follow(extent);
    this.#held = undefined;
    this.#release();
  }

  borrow(offset: number, bytesMax: number): Loan | undefined | Promise<Loan | undefined> {
    return this.#read(() => this.#reader.borrow(offset, bytesMax));
  }

  async getEntryBytes(entryNumber: bigint): Promise<Uint8Array | undefined> {
    await this.#knowOf(entryNumber);
    return this.#read(() => this.#reader.getEntryBytes(entryNumber));
  }

  async offsetOf(entryNumber: bigint): Promise<number | undefined> {
    await this.#knowOf(entryNumber);
    return this.#read(() => this.#reader.offsetOf(entryNumber));
  }

  async getBookmark(key: Uint8Array): Promise<bigint | undefined> {
    const { entry, error } = await this.#main.ask(key);
    if (error !== undefined) throw new Error(error);
    return entry === undefined ? undefined : BigInt(entry);
  }

  async getFirstEventBytesAfterBookmark(key: Uint8Array): Promise<Uint8Array | undefined> {
    const entry = await this.getBookmark(key);
    if (entry === undefined) return undefined;
    return this.#read(() => this.#reader.getFirstEventBytesFrom(entry));
  }

  /** Asks how far the stream is if an entry is not known here. */
  async #knowOf(entryNumber: bigint): Promise<void> {
    if (entryNumber >= this.#reader.header.totalEntries) await this.#main.ask();
  }

  /** At once where nothing has to be waited for. */
  #read<T>(read: () => T | Promise<T>): T | Promise<T> {
    if (this.#held) return this.#held.then(() => this.#read(read));
    const found = read();
    if (!(found instanceof Promise)) return found;
    this.#reads++;
    return found.finally(() => {
      if (--this.#reads === 0) this.#idle?.();
    });
  }
}
