/**
 * The application on a source: commits operations, cuts the stream and updates entries, many of them under way at a time. It
 * writes down which updates it wants, and asks for them again after a crash until it hears that they are done.
 */
import type { StreamSource } from '@ds/source';

import type { DurableCopy } from './durable-copy.js';
import type { EntryNode } from './stream-tree.js';
import type { World } from './world.js';

/** What is to be done, whichever machine and program gets to do it. */
export interface Work {
  /** Operations, cuts and updates that are to come. */
  left: number;
  /** Longest pause between two of them. */
  readonly pauseMsMax: number;
  /** Updates that may not be done. */
  readonly updates: Map<EntryNode, Uint8Array>;
}

export interface Workplace {
  readonly source: StreamSource;
  readonly epoch: bigint;
  readonly outbox: DurableCopy | undefined;
  /** Whether another machine does the work. This one goes on, as long as nobody tells it. */
  readonly isSuperseded: () => boolean;
  readonly isEnded: () => boolean;
}

export class Application {
  readonly #world: World;
  readonly #place: Workplace;
  #failure: { readonly error: unknown } | undefined;

  constructor(world: World, place: Workplace) {
    this.#world = world;
    this.#place = place;
  }

  /** Works behind `last`, where it is known where the stream ends, until the program is ended. Rejects if it cannot go on. */
  async run(last: EntryNode | undefined): Promise<void> {
    const { isEnded, isSuperseded, source } = this.#place;
    const { isRewritten, random, work } = this.#world;
    let end = last;
    if (end) this.#updateAgain(end);
    while (!isEnded()) {
      if (this.#failure) throw this.#failure.error;
      if (random.chance(0.2)) await this.#world.pass(random.integer(0, work.pauseMsMax));
      if (isEnded()) return;
      if (end && isSuperseded()) {
        await this.#world.pass(random.integer(0, 500));
        end = isRewritten && random.chance(0.1) ? this.#cut(end) : await this.#commit(end);
      } else if (end && work.left > 0) {
        work.left--;
        end = await this.#step(end);
      } else if (end && this.#world.isCalm && !this.#world.check.end) {
        end = await this.#finish(end);
      } else {
        // An operation that cannot be started says why nothing can be done any more.
        (await source.startAtomicOp()).rollback();
        await this.#world.pass(100);
      }
    }
  }

  #step(end: EntryNode): EntryNode | Promise<EntryNode> {
    const { random, isRewritten } = this.#world;
    const choice = isRewritten ? random.next() : 1;
    if (choice < 0.15) return this.#cut(end);
    if (choice < 0.3) return this.#update(end);
    return this.#commit(end);
  }

  async #commit(end: EntryNode): Promise<EntryNode> {
    return (await this.#commitNow(end)).last;
  }

  async #commitNow(end: EntryNode): Promise<{ last: EntryNode; committed: Promise<void> }> {
    const { source, epoch, outbox, isEnded } = this.#place;
    const { check } = this.#world;
    using op = await source.startAtomicOp();
    const operation = check.tree.operationBehind(end, epoch);
    for (const { type, data } of operation.entries) {
      if (type === 0xb0) op.addBookmark(data[0]!);
      else op.addEntry(type, data[0]!);
    }
    const committed = op.commit().then(({ firstEntry, nextEntry }) => {
      if (!isEnded()) check.acknowledged(operation, firstEntry, nextEntry, outbox);
    });
    this.#track(committed);
    return { last: operation.entries.at(-1)!, committed };
  }

  /** Commits a last operation: with that, all is done. */
  async #finish(end: EntryNode): Promise<EntryNode> {
    const { check, work } = this.#world;
    const { last, committed } = await this.#commitNow(end);
    await committed;
    if (this.#place.isEnded()) return last;
    if (work.updates.size > 0) check.failed(new Error('an update was never acknowledged'));
    check.ends(last);
    return last;
  }

  #cut(end: EntryNode): EntryNode {
    const { source, epoch, outbox, isEnded } = this.#place;
    const { check, random } = this.#world;
    if (end.number < 0) return end;
    const number = random.integer(Math.max(0, end.number - 8), end.number);
    const cut = check.asksCut(epoch, end, number);
    this.#track(
      source.truncate(BigInt(number)).then(() => {
        if (!isEnded()) check.acknowledgedCut(cut, outbox);
      }),
    );
    return cut.first.parent ?? end;
  }

  #update(end: EntryNode): EntryNode {
    const { random, work } = this.#world;
    const entry =
      end.number < 0 ? undefined : end.back(random.integer(Math.max(0, end.number - 8), end.number));
    if (!entry || entry.type === 0xb0) return end;
    const data = random.bytes(entry.data[0]!.length);
    entry.update(data);
    work.updates.set(entry, data);
    this.#askUpdate(entry, data);
    return end;
  }

  #updateAgain(end: EntryNode): void {
    const { updates } = this.#world.work;
    for (const [entry, data] of updates) {
      if (entry.isIn(end)) this.#askUpdate(entry, data);
      else updates.delete(entry);
    }
  }

  #askUpdate(entry: EntryNode, data: Uint8Array): void {
    const { source, outbox, isEnded } = this.#place;
    const { check, work } = this.#world;
    this.#track(
      source.updateEntry(BigInt(entry.number), entry.type, data).then(() => {
        if (isEnded() || entry.data.at(-1) !== data) return;
        work.updates.delete(entry);
        check.acknowledgedUpdate(entry, outbox);
      }),
    );
  }

  #track(done: Promise<void>): void {
    done.catch((error: unknown) => (this.#failure ??= { error }));
  }
}
