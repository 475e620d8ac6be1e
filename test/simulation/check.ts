/** What must be so at any moment of a history. The first thing that is not ends it. */
import type { SourceError } from '@ds/source';

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
  /** How many servers must have what is acknowledged; `all`: those that are not left out. */
  readonly #quorum: number | 'all';
  /** Whether servers may be left out that have come to another end: the source has no outbox to feed them from. */
  readonly #canLeaveOut: boolean;
  /** Whether it keeps all that a server may lack that it has begun with. */
  readonly #keepsAll: boolean;
  readonly #leftOut = new Set<DurableCopy>();
  /** Where the stream ended that each source has begun with. */
  readonly #begun = new Map<bigint, EntryNode>();
  readonly #cuts: Cut[] = [];
  readonly #acknowledged: EntryNode[] = [];
  #end: EntryNode | undefined;
  #hasForked = false;
  #reject: (error: unknown) => void = () => undefined;

  constructor(
    tree: StreamTree,
    source: { readonly quorum: number | 'all'; readonly canLeaveOut: boolean; readonly keepsAll: boolean },
  ) {
    this.tree = tree;
    this.#quorum = source.quorum;
    this.#canLeaveOut = source.canLeaveOut;
    this.#keepsAll = source.keepsAll;
    this.violated = new Promise((_, reject) => (this.#reject = reject));
    this.violated.catch(() => undefined);
  }

  /** Where the stream ends in the end: with what was acknowledged last. */
  get end(): EntryNode | undefined {
    return this.#end;
  }

  /** The entry that was acknowledged last, of those that nobody wants to be gone. */
  get lastAcknowledged(): EntryNode {
    return this.#acknowledged.findLast((entry) => !entry.isCutAsked) ?? this.tree.root;
  }

  /** Whether a server has ever had a stream that was to be given up for another one. */
  get hasForked(): boolean {
    return this.#hasForked;
  }

  /** The servers that the source has left out. */
  get leftOutServers(): ReadonlySet<DurableCopy> {
    return this.#leftOut;
  }

  failed(error: unknown): void {
    this.#reject(error);
  }

  /** The source with this epoch goes on from here. It can raise its epoch, but never up to the next source's. */
  begins(epoch: bigint, last: EntryNode): void {
    this.#begun.set(epoch, last);
  }

  /** A server that was left out has all again. */
  takesPartAgain(file: DurableCopy): void {
    this.#leftOut.delete(file);
  }

  /** Whatever servers have that is not in the stream that ends with this one is to be given up. */
  continuesWith(last: EntryNode): void {
    for (const { entries } of this.servers)
      for (let number = entries.length - 1; number >= 0 && !entries.at(number)!.isIn(last); number--) {
        entries.at(number)!.isCutAsked = true;
        this.#hasForked = true;
      }
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
    const having = this.#fed.filter((server) => server.entries.has(last)).length;
    const needed = this.#quorum === 'all' ? this.#fed.length : this.#quorum;
    if (having < needed || outbox?.entries.has(last) === false) {
      this.failed(new Error(`entry ${last.number} is acknowledged, and ${having} servers have it`));
    }
  }

  /** A source is told that a cut is done. */
  acknowledgedCut({ first }: Cut, outbox?: DurableCopy): void {
    const having = [...this.#fed, ...(outbox ? [outbox] : [])].find(({ entries }) => entries.has(first));
    if (having)
      this.failed(new Error(`a cut at entry ${first.number} is acknowledged, but ${having.name} has it`));
  }

  /** A source is told that an update is done. */
  acknowledgedUpdate(entry: EntryNode, outbox?: DurableCopy): void {
    if (entry.isCutAsked) return;
    const lacking = [...this.#fed, ...(outbox ? [outbox] : [])].find((file) => !file.hasNewest(entry));
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
   * does has cut its own stream there. And whatever a client of a relay has, it may lose where that one does not go on with the
   * stream: because it starts anew, or because it has come to a server that is to give up its own.
   */
  toldOfCut({ last }: StreamCopy, hasSeenUpdate: boolean, mayLoseAll = false): void {
    if (last.isCutAsked || hasSeenUpdate || mayLoseAll) return;
    this.failed(new Error(`a client is told that entry ${last.number} is gone, which nobody has asked for`));
  }

  /** A relay gives up all that it has. There must be something in it that the stream has not any more. */
  givesUp(name: string, { last, updated }: StreamCopy): void {
    const hasOther = updated.some(
      ({ entry, bytes }) =>
        bytes !== entry.versions.at(-1) ||
        this.servers.some((file) => file.entries.has(entry) && !file.hasNewest(entry)),
    );
    if (last.isCutAsked || hasOther) return;
    this.failed(new Error(`${name} gives up what ends with entry ${last.number}, which is still right`));
  }

  /** A source has left a server out. If all is kept that servers may lack, it must have begun with another stream. */
  leftOut(file: DurableCopy, error: SourceError): void {
    this.#leftOut.add(file);
    const { last } = file.entries;
    // With what the source has begun is told a moment later.
    setTimeout(() => {
      const begun = [...this.#begun.values()].at(-1)!;
      const isFit = !last.isCutAsked && (begun.number < 0 || begun.isIn(last));
      if (this.#canLeaveOut && error.code === 'differs' && !(this.#keepsAll && isFit)) return;
      this.failed(new Error(`a server was left out: ${error.message}`, { cause: error }));
    }, 1);
  }

  /** The servers that are not left out. */
  get #fed(): readonly DurableCopy[] {
    return this.servers.filter((server) => !this.#leftOut.has(server));
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
