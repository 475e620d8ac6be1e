// Tries every crash point of a random history: at each change of what is stored, the machines that a power cut at that very
// moment may leave are put aside, and later opened and compared with the states that the stream may then be in. Some of
// these openings are cut at every point themselves.
//
// It knows no test runner, since it also runs against copies of the engine that have a bug planted in them.
import type { Durability, StreamFile } from '../src/index.js';
import { readAll } from './bytes.js';
import { addAll, compare, operationsOf, wrongOperation } from './comparison.js';
import { BOOKMARK, Model, randomItems, type Item } from './model.js';
import type { Random } from './random.js';
import { SimulatedMachine } from './simulated-machine.js';

/** What was tried. */
export class Tally {
  /** Moments at which the power was cut. */
  moments = 0;
  /** Machines that were opened after a cut, and compared: no two of one moment are alike. */
  states = 0;
  /** Those of them that were cut within a recovery. */
  inRecovery = 0;
}

/** How often a recovery is cut at each of its own points, is followed by a second one, and that by more entries. */
const RECOVERY_CUT_PROBABILITY = 0.01;
const SECOND_RECOVERY_PROBABILITY = 0.25;
const WRITE_ON_PROBABILITY = 0.3;
/** How often a disk takes its time, so that commits are made while others are written and synced. */
const SLOW_DISK_PROBABILITY = 0.5;

/** What a power cut leaves of the changes that were not synced: a function is asked for each of them, oldest first. */
const cuts: readonly ((random: Random) => () => boolean)[] = [
  () => () => false,
  () => () => true,
  (random) => keepEach(random, 0.5),
  (random) => keepEach(random, random.pick([0.1, 0.9])),
  // All up to some change and none behind it, as a disk that reorders nothing would do.
  (random) => {
    let left = random.integer(1, 12);
    return () => left-- > 0;
  },
];

function keepEach(random: Random, probability: number): () => boolean {
  return () => random.chance(probability);
}

/** Every state that the stream has been asked to be in, in order, and how far it is sure to have come. */
class Chain {
  readonly states: Model[];
  #acknowledged = 0;
  #sure = 0;

  /** The last one is what the next open will find, unless the power is cut before. */
  constructor(states: readonly Model[]) {
    this.states = [...states];
  }

  get last(): Model {
    return this.states.at(-1)!;
  }

  /** The states that may be found after a power cut at this moment. */
  allowed(): readonly Model[] {
    return this.states.slice(this.#sure);
  }

  /** The states that may be found if nothing is lost, as when the program is killed. */
  allowedAfterKill(): readonly Model[] {
    return this.states.slice(this.#acknowledged);
  }

  /** The last state is sure to survive. */
  settle(): void {
    this.#acknowledged = this.#sure = this.states.length - 1;
  }

  /** Asks for a state; resolves when it is reached, and survives if `isPromised`. */
  async reach(state: Model, isPromised: boolean, ask: () => Promise<unknown>): Promise<void> {
    const index = this.states.push(state) - 1;
    await ask();
    this.#acknowledged = Math.max(this.#acknowledged, index);
    if (isPromised) this.#sure = Math.max(this.#sure, index);
  }
}

interface Crash {
  readonly machine: SimulatedMachine;
  readonly allowed: readonly Model[];
}

/** What power cuts at every moment of `body` leave. */
async function cutEverywhere(
  machine: SimulatedMachine,
  random: Random,
  tally: Tally,
  chain: Pick<Chain, 'allowed' | 'allowedAfterKill'>,
  body: () => Promise<void>,
): Promise<Crash[]> {
  const crashes: Crash[] = [];
  machine.onChange = () => {
    tally.moments++;
    const allowed = chain.allowed();
    const allowedAfterKill = chain.allowedAfterKill();
    const seen = new Set<string>();
    for (const cut of cuts) {
      let kept = '';
      const keep = cut(random);
      const left = machine.afterPowerCut(() => {
        const isKept = keep();
        kept += isKept ? '1' : '0';
        return isKept;
      });
      if (seen.has(kept)) continue;
      seen.add(kept);
      crashes.push({ machine: left, allowed: kept.includes('0') ? allowed : allowedAfterKill });
    }
  };
  await body();
  machine.onChange = undefined;
  return crashes;
}

/** One history: some lives of a stream file, each ended by a close, a kill or a power cut. */
export async function tryHistory(random: Random, tally: Tally): Promise<void> {
  const pageBytes = random.pick([64, 64, 100, 128, 256]);
  const durability = random.pick<Durability>(['always', 'always', 'always', 'interval', 'os', 'os', 'os']);
  const cachePages = random.pick([0, 2]);
  const pagesToSync = random.pick([0.1, 0.1, 1, 16]);
  const options = { pageBytes, durability, syncIntervalMs: 0, cachePages, pagesToSync };
  let machine = new SimulatedMachine();
  let chain = new Chain([new Model(pageBytes)]);
  for (let lives = random.integer(1, 4); lives > 0; lives--) {
    if (random.chance(SLOW_DISK_PROBABILITY)) machine.disk.delay = () => turns(random.integer(0, 40));
    const crashes = await cutEverywhere(machine, random, tally, chain, async () => {
      const file = await machine.open(options);
      chain.settle();
      await live(chain, file, machine, random, durability !== 'os');
    });
    for (const crash of crashes) await tryCrash(crash, random, tally);
    const isKilled = random.chance(0.5);
    machine = isKilled ? machine.afterKill() : machine.afterPowerCut(random.pick(cuts)(random));
    const state = await stateAfterRecovery(
      machine.afterKill(),
      isKilled ? chain.allowedAfterKill() : chain.allowed(),
    );
    chain = new Chain([...chain.allowed(), state]);
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

/** A life of a stream file, from an open to its end. */
async function live(
  chain: Chain,
  file: StreamFile,
  machine: SimulatedMachine,
  random: Random,
  isPromised: boolean,
): Promise<void> {
  const waiting: Promise<void>[] = [];
  const steps = random.integer(1, 12);
  for (let step = 0; step < steps; step++) {
    const { last } = chain;
    const choice = random.next();
    if (choice < 0.6) {
      file.startAtomicOp();
      const items = random.chance(0.1) ? largeOperation(random, last) : randomItems(random, last.pageBytes);
      addAll(file, items);
      const isRolledBack = random.chance(0.15);
      if (isRolledBack) file.rollbackAtomicOp();
      else waiting.push(chain.reach(last.append(items), isPromised, () => file.commitAtomicOp()));
      if (random.chance(0.6)) {
        await Promise.all(waiting);
        if (isRolledBack) await compare(file, machine, chain.last);
      } else await turns(random.integer(0, 30));
    } else if (choice < 0.72 && last.items.length > 0) {
      const entry = random.integer(0, last.items.length - 1);
      await chain.reach(last.truncate(entry), true, () => file.truncateFile(BigInt(entry)));
      if (random.chance(0.5)) continue;
      // What takes the place of what was cut off looks like it, but for the data.
      const items = last.items
        .slice(entry)
        .map((item) => (item.type === BOOKMARK ? item : { ...item, data: random.bytes(item.data.length) }));
      file.startAtomicOp();
      addAll(file, items);
      waiting.push(chain.reach(chain.last.append(items), isPromised, () => file.commitAtomicOp()));
    } else if (choice < 0.84) {
      const entry = entryToUpdate(last, random);
      if (entry !== -1) await update(chain, file, random, entry);
    } else if (choice < 0.88) {
      const epoch = last.epoch + BigInt(random.integer(0, 2));
      // An epoch that is no higher is not written.
      await chain.reach(last.raiseEpoch(epoch), isPromised || epoch > last.epoch, () =>
        file.raiseEpoch(epoch),
      );
    } else if (choice < 0.94) {
      await Promise.all(waiting);
      await meetFullDisk(file, machine, random, last);
    } else if (choice < 0.97) {
      for (const commit of waiting) commit.catch(() => undefined);
      await meetFailedSync(chain, file, machine, random, isPromised);
      await Promise.allSettled(waiting);
      return;
    } else {
      await chain.reach(last, true, () => file.close());
      return;
    }
  }
  await Promise.all(waiting);
  await compare(file, machine, chain.last);
}

/** An operation that is written ahead of its commit, since it holds more pages than stay in memory. */
function largeOperation(random: Random, { pageBytes }: Model): Item[] {
  const large = Array.from({ length: random.integer(10, 14) }, () => ({
    type: 1,
    data: random.bytes(pageBytes - 17 - random.integer(0, 3)),
  }));
  // It begins in the page that the stream ends in, if there is room.
  return [{ type: 1, data: random.bytes(random.integer(0, 5)) }, ...large];
}

/** The largest entry, which is torn most easily, or any; -1 if there is none. */
function entryToUpdate({ items }: Model, random: Random): number {
  const sizes = items.map(({ type, data }) => (type === BOOKMARK ? -1 : data.length));
  const most = Math.max(-1, ...sizes);
  if (most === -1) return -1;
  const any = random.integer(0, items.length - 1);
  return sizes[any]! >= 0 && random.chance(0.5) ? any : sizes.indexOf(most);
}

async function update(chain: Chain, file: StreamFile, random: Random, entry: number): Promise<void> {
  const { last } = chain;
  const { type, data } = last.items[entry]!;
  const other = random.bytes(data.length);
  await chain.reach(last.update(entry, other), true, () => file.updateEntryData(BigInt(entry), type, other));
}

/** An operation that the disk has no room for: refused, and without a trace. */
async function meetFullDisk(
  file: StreamFile,
  machine: SimulatedMachine,
  random: Random,
  state: Model,
): Promise<void> {
  const written = random.integer(0, 200);
  machine.disk.fault = ({ kind, path }) =>
    kind === 'write' && path.endsWith('.bin') ? { code: 'ENOSPC', written } : undefined;
  let code: unknown;
  try {
    file.startAtomicOp();
    addAll(file, random.chance(0.5) ? largeOperation(random, state) : randomItems(random, state.pageBytes));
    await file.commitAtomicOp();
  } catch (error) {
    ({ code } = error as { code?: unknown });
    if (file.operationOpen) file.rollbackAtomicOp();
  }
  machine.disk.fault = undefined;
  if (code !== 'disk-full') throw new Error(`a full disk was met with ${String(code)}`);
}

/**
 * The next sync of the stream file fails, or all from now on, and the program ends. What that sync should have written is
 * still read, but nothing makes it durable unless it is written again.
 */
async function meetFailedSync(
  chain: Chain,
  file: StreamFile,
  machine: SimulatedMachine,
  random: Random,
  isPromised: boolean,
): Promise<void> {
  const isForGood = random.chance(0.5);
  let failed = 0;
  machine.disk.fault = ({ kind, path }) => {
    if (kind !== 'sync' || !path.endsWith('.bin') || (failed > 0 && !isForGood)) return undefined;
    failed++;
    return { code: 'EIO' };
  };
  const { last } = chain;
  const entry = entryToUpdate(last, random);
  try {
    const choice = random.next();
    if (choice < 0.6 || last.items.length === 0) {
      const items = random.chance(0.2) ? largeOperation(random, last) : randomItems(random, last.pageBytes);
      file.startAtomicOp();
      addAll(file, items);
      await chain.reach(last.append(items), isPromised, () => file.commitAtomicOp());
    } else if (choice < 0.8 || entry === -1) {
      const cut = random.integer(0, last.items.length - 1);
      await chain.reach(last.truncate(cut), true, () => file.truncateFile(BigInt(cut)));
    } else {
      await update(chain, file, random, entry);
    }
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'io') throw error;
  }
  await file.close().catch(() => undefined);
  machine.disk.fault = undefined;
  if (failed === 0) throw new Error('nothing was synced');
}

/** Opens what a power cut left: it is right, and at times more is asked of it. */
async function tryCrash({ machine, allowed }: Crash, random: Random, tally: Tally): Promise<void> {
  const { pageBytes } = allowed[0]!;
  tally.states++;
  if (random.chance(RECOVERY_CUT_PROBABILITY)) {
    const recovered = machine.afterKill();
    const crashes = await cutEverywhere(
      recovered,
      random,
      tally,
      { allowed: () => allowed, allowedAfterKill: () => allowed },
      async () => {
        await recovered.open({ pageBytes });
      },
    );
    for (const crash of crashes) await stateAfterRecovery(crash.machine, allowed);
    tally.inRecovery += crashes.length;
    tally.states += crashes.length;
  }
  const state = await stateAfterRecovery(machine, allowed);
  if (!random.chance(SECOND_RECOVERY_PROBABILITY)) return;
  const again = machine.afterKill();
  const file = await again.open({ pageBytes, cachePages: 0 });
  await compare(file, again, state);
  if (Buffer.compare(again.content.subarray(4096), machine.content.subarray(4096)) !== 0)
    throw new Error('a second recovery has changed the file');
  if (Buffer.compare(again.records, machine.records) !== 0)
    throw new Error('a second recovery has changed the journal');
  if (random.chance(WRITE_ON_PROBABILITY)) await writeOn(file, again, state, random);
}

/** Opens the machine's file; returns which of the states it is in. */
async function stateAfterRecovery(machine: SimulatedMachine, allowed: readonly Model[]): Promise<Model> {
  const { pageBytes } = allowed[0]!;
  const file = await machine.open({ pageBytes, cachePages: 0 });
  const bytes = await readAll(file);
  const state = allowed.findLast(
    (model) =>
      model.length === file.committedLength &&
      model.epoch === file.epoch &&
      Buffer.compare(model.bytes, bytes) === 0 &&
      wrongOperation(operationsOf(file), model) === undefined,
  );
  if (state) {
    await compare(file, machine, state);
    return state;
  }
  const operations = operationsOf(file);
  const expected = allowed.map(
    (model) =>
      `${model.items.length} entries, ${model.length} bytes, epoch ${model.epoch} (${wrongOperation(operations, model) ?? 'operations as found'})`,
  );
  throw new Error(
    `found ${file.nextEntry} entries, ${file.committedLength} bytes, epoch ${file.epoch}, which is none of: ${expected.join(
      '; ',
    )}`,
  );
}

async function writeOn(
  file: StreamFile,
  machine: SimulatedMachine,
  state: Model,
  random: Random,
): Promise<void> {
  const items = randomItems(random, state.pageBytes);
  file.startAtomicOp();
  addAll(file, items);
  await file.commitAtomicOp();
  await file.close();
  const next = state.append(items);
  await stateAfterRecovery(machine, [next]);
}
