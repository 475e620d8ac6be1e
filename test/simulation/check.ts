/** What must be so at any moment of a history. The first thing that is not ends it. */
import type { DurableCopy } from './durable-copy.js';
import type { StreamCopy } from './stream-copy.js';
import type { EntryNode, Operation, StreamTree } from './stream-tree.js';

/** A cut that a source has asked for. */
export interface Cut {
  readonly epoch: bigint;
  /** The first entry to go, and the last one. */
  readonly first: EntryNode;
  readonly last: EntryNode;
}

export class Check {
  /** Rejects with the first thing that is wrong. */
  readonly violated: Promise<never>;
  readonly tree: StreamTree;
  /** What each server has. */
  readonly servers: DurableCopy[] = [];
  /** How many servers must have what is acknowledged. */
  readonly #quorum: number;
  /** Where the stream ended that each source has begun with. */
  readonly #begun = new Map<bigint, EntryNode>();
  readonly #cuts: Cut[] = [];
  readonly #acknowledged: EntryNode[] = [];
  #end: EntryNode | undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(tree: StreamTree, quorum: number) {
    this.tree = tree;
    this.#quorum = quorum;
    this.violated = new Promise((_, reject) => (this.#reject = reject));
    this.violated.catch(() => undefined);
  }

  /** Where the stream ends in the end: with what was acknowledged last. */
  get end(): EntryNode | undefined {
    return this.#end;
  }

  failed(error: unknown): void {
    this.#reject(error);
  }

  /** The source with this epoch goes on from here. It can raise its epoch, but never up to the next source's. */
  begins(epoch: bigint, last: EntryNode): void {
    this.#begun.set(epoch, last);
  }

  /** A source asks for a cut, behind which `last` would be no more. */
  asksCut(epoch: bigint, last: EntryNode, number: number): Cut {
    const first = last.back(number)!;
    for (let entry = last; entry !== first.parent; entry = entry.parent!) entry.isCutAsked = true;
    const cut = { epoch, first, last };
    this.#cuts.push(cut);
    return cut;
  }

  /**
   * A file was changed, durably: it has lost what a source has asked to be cut, or got whole operations. `epoch` is the one of
   * the source that may write, if it is known: nobody else's operations may come in, nor anybody else's cuts be done.
   */
  changed(file: DurableCopy, before: StreamCopy, epoch: bigint | undefined): void {
    const { entries } = file;
    const source = epoch === undefined ? undefined : this.#sourceWith(epoch);
    const kept = entries.commonWith(before);
    if (kept < before.length) {
      const cut = this.#cuts.find(
        ({ first, last, ...of }) =>
          first.number === kept && last === before.last && (source === undefined || of.epoch === source),
      );
      if (!cut)
        throw new Error(`it has lost entries ${kept} to ${before.length}, which nobody has asked for`);
    }
    for (let number = kept; number < entries.length; number++) {
      const entry = entries.at(number)!;
      if (this.servers.includes(file)) entry.isCommitted = true;
      if (source !== undefined && !this.#mayCome(entry, source)) {
        const other = `the source with epoch ${entry.operation?.epoch}`;
        throw new Error(`entry ${number} of ${other} has come in when ${source} had taken over`);
      }
    }
    const { last } = entries;
    if (last.operation && last !== last.operation.entries.at(-1) && !this.#isCutBehind(last)) {
      throw new Error(`it ends with entry ${last.number}, within an operation`);
    }
  }

  acknowledged(operation: Operation, firstEntry: bigint, nextEntry: bigint, outbox?: DurableCopy): void {
    const { entries } = operation;
    const last = entries.at(-1)!;
    if (firstEntry !== BigInt(entries[0]!.number) || nextEntry !== last.streamEntries) {
      this.failed(new Error(`entry ${entries[0]!.number} is acknowledged as ${firstEntry} to ${nextEntry}`));
    }
    this.#acknowledged.push(last);
    // A newer source may have cut it off already, before this one heard of what it had done.
    if (last.isCutAsked) return;
    const having = this.servers.filter((server) => server.entries.has(last)).length;
    if (having < this.#quorum || outbox?.entries.has(last) === false) {
      this.failed(new Error(`entry ${last.number} is acknowledged, and ${having} servers have it`));
    }
  }

  /** A source is told that a cut is done. */
  acknowledgedCut({ first }: Cut, outbox?: DurableCopy): void {
    const having = [...this.servers, ...(outbox ? [outbox] : [])].find(({ entries }) => entries.has(first));
    if (having)
      this.failed(new Error(`a cut at entry ${first.number} is acknowledged, but ${having.name} has it`));
  }

  /** A source is told that an update is done. */
  acknowledgedUpdate(entry: EntryNode, outbox?: DurableCopy): void {
    if (entry.isCutAsked) return;
    const lacking = [...this.servers, ...(outbox ? [outbox] : [])].find((file) => !file.hasNewest(entry));
    if (lacking)
      this.failed(
        new Error(`an update of entry ${entry.number} is acknowledged, not done by ${lacking.name}`),
      );
  }

  /** All is done: the stream ends with this. */
  ends(last: EntryNode): void {
    const lost = this.#acknowledged.find((entry) => !entry.isCutAsked && !entry.isIn(last));
    if (lost) this.failed(new Error(`entry ${lost.number} was acknowledged, and is not in the stream`));
    this.#end = last;
  }

  /** A server has ended with this stream: it must be the whole one, and all entries as they were left. */
  endsWith(file: DurableCopy): void {
    const { name, entries } = file;
    if (entries.last !== this.#end) throw new Error(`${name} does not end as the stream does`);
    for (let number = 0; number < entries.length; number++) {
      if (!file.hasNewest(entries.at(number)!)) throw new Error(`${name} has another entry ${number}`);
    }
  }

  /** A client has got an entry. */
  received(entry: EntryNode): void {
    if (!entry.isCommitted) throw new Error(`a client got entry ${entry.number}, which is not committed`);
  }

  /**
   * A client is told that what it has is not the stream any more. An update says so as well, if it sees one: a relay that
   * does has cut its own stream there.
   */
  toldOfCut({ last }: StreamCopy, hasSeenUpdate: boolean): void {
    if (last.isCutAsked || hasSeenUpdate) return;
    this.failed(new Error(`a client is told that entry ${last.number} is gone, which nobody has asked for`));
  }

  leftOut(error: Error): void {
    this.failed(new Error(`a server was left out: ${error.message}`, { cause: error }));
  }

  /** The epoch that the source had at first which has this one now. */
  #sourceWith(epoch: bigint): bigint | undefined {
    return [...this.#begun.keys()].findLast((begun) => begun <= epoch);
  }

  #mayCome(entry: EntryNode, source: bigint): boolean {
    if (entry.operation?.epoch === source) return true;
    const begun = this.#begun.get(source);
    return begun !== undefined && entry.isIn(begun);
  }

  #isCutBehind(entry: EntryNode): boolean {
    return this.#cuts.some(({ first }) => first.parent === entry);
  }
}
