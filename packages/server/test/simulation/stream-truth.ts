// What a stream certainly is at each moment of a history: read from what a power cut would leave on the simulated disk, and
// held against the operations that were asked for. The server has no part in it.
import { encodeEntry, readU32, readU64AsNumber } from '@ds/codec';

import type { SimulatedDisk } from '../../../stream-file/test/simulated-disk.js';

const HEADER_PAGE_BYTES = 4096;
const TOTAL_LENGTH_AT = 38;
const TOTAL_ENTRIES_AT = 46;

export interface Item {
  readonly type: number;
  readonly data: Uint8Array;
}

/** The stream between two truncations: it only grows. */
export interface Version {
  /** Entries that it has in common with the version before. */
  readonly cut: number;
  /** Entries as they stand in the file. */
  readonly entries: Uint8Array[];
}

/** How far the stream had come at one moment. */
export interface State {
  readonly version: Version;
  readonly entries: number;
  readonly length: number;
}

export class StreamTruth {
  readonly versions: Version[] = [{ cut: 0, entries: [] }];
  readonly states: State[] = [{ version: this.versions[0]!, entries: 0, length: HEADER_PAGE_BYTES }];
  /** Truncations that have been asked for and are not done. */
  cutsUnderWay = 0;
  readonly #pageBytes: number;
  readonly #fail: (error: Error) => void;
  /** Operations that may be committed from now on, once each. */
  readonly #asked = new Set<readonly Item[]>();
  /** Truncations that may happen from now on. */
  readonly #askedCuts = new Set<number>();

  constructor(pageBytes: number, fail: (error: Error) => void) {
    this.#pageBytes = pageBytes;
    this.#fail = fail;
  }

  /** The stream as it is. */
  get now(): State {
    return this.states.at(-1)!;
  }

  /** The states since one was the newest, that one included. */
  since(index: number): readonly State[] {
    return this.states.slice(index);
  }

  /** An operation's commit is being asked for. */
  ask(items: readonly Item[]): void {
    this.#asked.add(items);
  }

  /** An operation was refused: it may not appear any more. */
  refused(items: readonly Item[]): void {
    this.#asked.delete(items);
  }

  /** Whether an operation is in the stream, or has been. */
  isIn(items: readonly Item[]): boolean {
    return !this.#asked.has(items);
  }

  /** A truncation is being asked for; what is returned is to be called when it is done. */
  askCut(entry: number): () => void {
    this.#askedCuts.add(entry);
    this.cutsUnderWay++;
    return () => {
      this.cutsUnderWay--;
    };
  }

  /** Looks at the disk after each of its changes. */
  watch(disk: SimulatedDisk, path: string): void {
    const look = (): void => {
      try {
        this.#look(disk.durableContentOf(path));
      } catch (error) {
        // Not to be thrown here: the engine would take it for an error of the disk.
        this.#fail(error as Error);
      }
    };
    disk.onChange = look;
    look();
  }

  #look(content: Uint8Array | undefined): void {
    if (!content || content.length < HEADER_PAGE_BYTES) return;
    const length = readU64AsNumber(content, TOTAL_LENGTH_AT);
    const entries = readU64AsNumber(content, TOTAL_ENTRIES_AT);
    const last = this.now;
    if (length === last.length && entries === last.entries) return;
    let { version } = last;
    if (entries < last.entries) {
      if (!this.#askedCuts.has(entries)) throw new Error(`nobody has asked for a cut at entry ${entries}`);
      version = { cut: entries, entries: version.entries.slice(0, entries) };
      this.versions.push(version);
    } else {
      this.#grow(version, content, last.length, length);
    }
    if (version.entries.length !== entries) {
      throw new Error(`the file has ${version.entries.length} entries, and its header ${entries}`);
    }
    this.states.push({ version, entries, length });
  }

  #grow(version: Version, content: Uint8Array, from: number, to: number): void {
    const first = version.entries.length;
    for (let at = from; at < to;) {
      const rest = this.#pageBytes - ((at - HEADER_PAGE_BYTES) % this.#pageBytes);
      if (content[at] !== 2) {
        at += rest;
        continue;
      }
      const end = at + readU32(content, at + 1);
      version.entries.push(content.slice(at, end));
      at = end;
    }
    this.#checkOperations(version, first);
  }

  /** What is new consists of whole operations that were to be committed. */
  #checkOperations(version: Version, first: number): void {
    for (let at = first; at < version.entries.length;) {
      const operation = [...this.#asked].find((items) =>
        items.every(({ type, data }, nth) => {
          const entry = version.entries[at + nth];
          return entry && same(entry, encodeEntry({ type, data, number: BigInt(at + nth) }));
        }),
      );
      if (!operation) throw new Error(`entry ${at} begins no operation that was to be committed`);
      this.#asked.delete(operation);
      at += operation.length;
    }
  }
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/**
 * What one stream delivers, entry by entry: all of it must stand, without a gap, in one version of the stream that was
 * committed when it came.
 */
export class StreamCheck {
  readonly #truth: StreamTruth;
  /** Versions that have all that came; later ones are found from them. */
  #candidates: Version[];
  /** Versions that have been looked at. */
  #seen: number;
  #next: number | undefined;
  /** Whether an entry has come: before that, it may be any version's. */
  #begun = false;

  /** `next` is the number of the first entry, where it is known. */
  constructor(truth: StreamTruth, next: number | undefined, sentState: State) {
    this.#truth = truth;
    this.#next = next;
    this.#seen = truth.versions.indexOf(sentState.version) + 1;
    this.#candidates = [sentState.version];
  }

  /** Number of the entry that is due. */
  get next(): number | undefined {
    return this.#next;
  }

  take(entry: Uint8Array): void {
    const number = readU64AsNumber(entry, 9);
    this.#next ??= number;
    if (number !== this.#next) throw new Error(`entry ${number} came where entry ${this.#next} was due`);
    this.#lookForVersions(number);
    this.#candidates = this.#candidates.filter(({ entries }) => {
      const expected = entries[number];
      return expected !== undefined && same(expected, entry);
    });
    if (this.#candidates.length === 0) throw new Error(`entry ${number} came that was not committed`);
    this.#next = number + 1;
    this.#begun = true;
  }

  /** Whether what came is the beginning of the stream as it is now. */
  get isCurrent(): boolean {
    this.#lookForVersions(this.#next ?? 0);
    return this.#candidates.includes(this.#truth.now.version);
  }

  /** A version that has everything before entry `next` in common with a candidate is one, too. */
  #lookForVersions(next: number): void {
    const { versions } = this.#truth;
    for (; this.#seen < versions.length; this.#seen++) {
      const version = versions[this.#seen]!;
      const before = versions[this.#seen - 1]!;
      if (!this.#begun || (this.#candidates.includes(before) && next <= version.cut)) {
        this.#candidates.push(version);
      }
    }
  }
}
