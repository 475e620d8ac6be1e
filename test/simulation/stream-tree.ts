/**
 * All streams that can come of what the sources ask for, as a tree: each entry knows the one that it was to follow. Whatever
 * anybody has of the stream must be a path from the root, and to be right it needs nobody's word for how far things have come.
 */
import { BOOKMARK_ENTRY_TYPE, encodeEntry } from '@ds/codec';
import type { Random } from '@ds/test-kit';

/** An entry that a source has asked for. */
export class EntryNode {
  /** -1 for the root, which stands before all entries. */
  readonly number: number;
  readonly type: number;
  readonly operation: Operation | undefined;
  readonly parent: EntryNode | undefined;
  readonly children: EntryNode[] = [];
  /** Its data, and what updates were to make of them, the newest last; and the same as it stands on the wire. */
  readonly data: Uint8Array[] = [];
  readonly versions: Uint8Array[] = [];
  /** Some server has it, or had it, durably. */
  isCommitted = false;
  /** Somebody has asked for a cut that it does not survive. */
  isCutAsked = false;

  constructor(parent?: EntryNode, operation?: Operation, type = 0) {
    this.number = parent ? parent.number + 1 : -1;
    this.type = type;
    this.operation = operation;
    this.parent = parent;
    parent?.children.push(this);
  }

  /** How many entries a stream has that ends with this one. */
  get streamEntries(): bigint {
    return BigInt(this.number + 1);
  }

  get isUpdated(): boolean {
    return this.versions.length > 1;
  }

  /** Its data are to be these from now on. */
  update(data: Uint8Array): void {
    this.data.push(data);
    this.versions.push(encodeEntry({ type: this.type, data, number: BigInt(this.number) }));
  }

  /** The entry with this number in the stream that ends with this one. */
  back(number: number): EntryNode | undefined {
    let node: EntryNode | undefined = number <= this.number ? this : undefined;
    while (node && node.number > number) node = node.parent;
    return node;
  }

  /** Whether it is in the stream that ends with `end`. */
  isIn(end: EntryNode): boolean {
    return end.back(this.number) === this;
  }
}

/** Entries that are to be in the stream together. */
export interface Operation {
  /** Of the source that has made it. */
  readonly epoch: bigint;
  readonly entries: readonly EntryNode[];
}

export class StreamTree {
  readonly root = new EntryNode();
  readonly #random: Random;
  /** Two entries are never alike by chance where a client has to tell one from the other. */
  readonly #dataBytesMin: number;
  #operations = 0;

  constructor(random: Random, isRewritten: boolean) {
    this.#random = random;
    this.#dataBytesMin = isRewritten ? 6 : 0;
  }

  /** A new operation behind an entry. It begins with a bookmark like no other. */
  operationBehind(parent: EntryNode, epoch: bigint): Operation {
    const random = this.#random;
    const key = new Uint8Array(8);
    new DataView(key.buffer).setUint32(4, this.#operations++);
    const entries: EntryNode[] = [];
    const operation = { epoch, entries };
    const add = (type: number, data: Uint8Array): void => {
      const entry = new EntryNode(entries.at(-1) ?? parent, operation, type);
      entry.update(data);
      entries.push(entry);
    };
    add(BOOKMARK_ENTRY_TYPE, key);
    for (let count = random.integer(0, 4); count > 0; count--) {
      const bytes = random.chance(0.2) ? random.integer(20, 200) : random.integer(this.#dataBytesMin, 20);
      add(random.integer(1, 5), random.bytes(bytes));
    }
    return operation;
  }
}
