/**
 * What a stream file certainly holds, read from what a power cut would leave on the simulated disk: the programs have no
 * part in it.
 */
import { readU32, readU64AsNumber } from '@ds/codec';

import type { SimulatedDisk } from '../../packages/stream-file/test/simulated-disk.js';
import type { Check } from './check.js';
import { StreamCopy } from './stream-copy.js';
import type { EntryNode } from './stream-tree.js';

const HEADER_PAGE_BYTES = 4096;
const TOTAL_LENGTH_AT = 38;
const TOTAL_ENTRIES_AT = 46;

export class DurableCopy {
  readonly name: string;
  readonly #pageBytes: number;
  readonly #check: Check;
  #copy: StreamCopy;
  /** Where each entry stands in the file, and where the stream ends. */
  #offsets: number[] = [];
  #length = HEADER_PAGE_BYTES;
  #content: () => Uint8Array | undefined = () => undefined;

  constructor(name: string, pageBytes: number, check: Check) {
    this.name = name;
    this.#pageBytes = pageBytes;
    this.#check = check;
    this.#copy = new StreamCopy(check.tree.root);
  }

  get entries(): StreamCopy {
    return this.#copy;
  }

  /**
   * A program has opened the file: what it has found there is what it had, and what was on its way. From now on each change
   * of the disk is looked at. `epoch` is the one of the source that may write.
   */
  watch(disk: SimulatedDisk, path: string, epoch: () => bigint | undefined): void {
    const before = this.#copy;
    this.#guarded(() => {
      this.look(disk, path);
      this.#check.changed(this, before, undefined);
    });
    disk.onChange = () => {
      this.#guarded(() => {
        const last = this.#copy.copy();
        if (this.#read()) this.#check.changed(this, last, epoch());
      });
    };
  }

  /** Reads all that is there now. */
  look(disk: SimulatedDisk, path: string): void {
    this.#content = () => disk.durableContentOf(path);
    this.clear();
    this.#read();
  }

  /** It is a new disk, which holds nothing yet. */
  clear(): void {
    this.#copy = new StreamCopy(this.#check.tree.root);
    this.#offsets = [];
    this.#length = HEADER_PAGE_BYTES;
  }

  /** Whether an entry stands there as its last update has left it. */
  hasNewest(entry: EntryNode): boolean {
    const version = entry.versions.at(-1)!;
    const at = this.#offsets[entry.number];
    if (at === undefined || !this.#copy.has(entry)) return false;
    return Buffer.compare(version, this.#content()!.subarray(at, at + version.length)) === 0;
  }

  /** Errors are not to be thrown in the disk: the engine would take them for its own. */
  #guarded(look: () => void): void {
    try {
      look();
    } catch (error) {
      this.#check.failed(new Error(`${this.name}: ${(error as Error).message}`, { cause: error }));
    }
  }

  /** Takes what has changed; whether anything has. */
  #read(): boolean {
    const content = this.#content();
    if (!content || content.length < HEADER_PAGE_BYTES) return false;
    const length = readU64AsNumber(content, TOTAL_LENGTH_AT);
    const entries = readU64AsNumber(content, TOTAL_ENTRIES_AT);
    if (length === this.#length && entries === this.#copy.length) return false;
    if (entries < this.#copy.length) {
      this.#copy.cutTo(entries);
      this.#offsets.length = entries;
    } else {
      this.#readOn(content, length);
    }
    this.#length = length;
    if (entries === this.#copy.length) return true;
    throw new Error(`the file has ${this.#copy.length} entries, and its header says ${entries}`);
  }

  #readOn(content: Uint8Array, end: number): void {
    for (let at = this.#length; at < end;) {
      if (content[at] !== 2) {
        at += this.#pageBytes - ((at - HEADER_PAGE_BYTES) % this.#pageBytes);
        continue;
      }
      const next = at + readU32(content, at + 1);
      this.#copy.take(content.subarray(at, next));
      this.#offsets.push(at);
      at = next;
    }
  }
}
