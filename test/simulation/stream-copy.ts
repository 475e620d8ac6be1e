/** What somebody has of the stream, entry by entry: it must be a path in the tree, and all that comes must go on from it. */
import { entryLengthAt } from '@ds/codec';

import type { EntryNode } from './stream-tree.js';

export class StreamCopy {
  readonly #root: EntryNode;
  #entries: EntryNode[] = [];
  /** Each entry as it has come. */
  #bytes: Uint8Array[] = [];

  constructor(root: EntryNode) {
    this.#root = root;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** The last entry, or the root. */
  get last(): EntryNode {
    return this.#entries.at(-1) ?? this.#root;
  }

  /** The last entry as it has come. There must be one. */
  get lastBytes(): Uint8Array {
    return this.#bytes.at(-1)!;
  }

  /** Whether any of the entries were to be updated. */
  get hasUpdates(): boolean {
    return this.#entries.some(({ isUpdated }) => isUpdated);
  }

  /** Entries that were to be updated, each as it has come. */
  get updated(): readonly { readonly entry: EntryNode; readonly bytes: Uint8Array }[] {
    return this.#entries.flatMap((entry, number) =>
      entry.isUpdated ? [{ entry, bytes: this.#bytes[number]! }] : [],
    );
  }

  at(number: number): EntryNode | undefined {
    return this.#entries[number];
  }

  has(entry: EntryNode): boolean {
    return this.#entries[entry.number] === entry;
  }

  copy(): StreamCopy {
    const copy = new StreamCopy(this.#root);
    copy.#entries = [...this.#entries];
    copy.#bytes = [...this.#bytes];
    return copy;
  }

  /** How many entries both have in common. */
  commonWith(other: StreamCopy): number {
    const different = this.#entries.findIndex((entry, number) => other.at(number) !== entry);
    return different < 0 ? this.length : different;
  }

  /** Takes one entry, as it stands on the wire. */
  take(bytes: Uint8Array): EntryNode {
    for (const entry of this.last.children) {
      const version = entry.versions.find((each) => Buffer.compare(each, bytes) === 0);
      if (!version) continue;
      this.#entries.push(entry);
      this.#bytes.push(version);
      return entry;
    }
    throw new Error(`what came as entry ${this.length} is none that was to follow the one before`);
  }

  cutTo(length: number): void {
    this.#entries.length = length;
    this.#bytes.length = length;
  }
}

/** Entries that stand back to back, one by one. */
export function* entriesIn(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += entryLengthAt(bytes, at)) {
    yield bytes.subarray(at, at + entryLengthAt(bytes, at));
  }
}
