// Goal: a power cut at any moment costs nothing that was acknowledged, leaves whole operations only, and needs no help.
// Method: random histories on a simulated disk. After any change of what is stored, the disk that a power cut would leave
// at that moment is put aside, and later opened and compared with the states that the stream may be in: from the one that
// was acknowledged last up to the one that was asked for last. Recovery is interrupted in the same way.
import { expect, it } from 'vitest';
import type { Durability, StreamFile } from '../src/index.js';
import { hex, isZero, readAll } from './bytes.js';
import { BOOKMARK, keys, Model, randomItems, type Item } from './model.js';
import { long, rounds, type Random } from './random.js';
import { keepSome, SimulatedMachine } from './simulated-machine.js';

/** Power cuts that one run looks at. */
const CRASHES = long ? 250_000 : 6000;
/** How often a change of what is stored is taken for the moment of a power cut. */
const CUT_PROBABILITY = 0.25;

/** Every state that a stream has been asked to be in, in order, and how far it is sure to have come. */
class Chain {
  readonly states: Model[];
  /** Index of the state that must have survived. */
  sure = 0;

  constructor(first: Model) {
    this.states = [first];
  }

  get last(): Model {
    return this.states.at(-1)!;
  }

  /** Asks for a state; resolves when it is reached, and survives if `isPromised`. */
  async reach(state: Model, isPromised: boolean, ask: () => Promise<unknown>): Promise<void> {
    const index = this.states.push(state) - 1;
    await ask();
    if (isPromised) this.sure = Math.max(this.sure, index);
  }
}

/** What a power cut left, and what may be found there. */
interface Crash {
  readonly machine: SimulatedMachine;
  readonly allowed: readonly Model[];
}

/** Puts aside what power cuts at some moments of `body` would leave. */
async function cutting(
  machine: SimulatedMachine,
  random: Random,
  allowed: () => readonly Model[],
  body: () => Promise<void>,
): Promise<Crash[]> {
  const crashes: Crash[] = [];
  machine.onChange = () => {
    if (!random.chance(CUT_PROBABILITY)) return;
    crashes.push({ machine: machine.afterPowerCut(keepSome(random)), allowed: allowed() });
  };
  await body();
  machine.onChange = undefined;
  return crashes;
}

/** A life of a stream file, from an open to a power cut. */
async function live(chain: Chain, file: StreamFile, random: Random, durability: Durability): Promise<void> {
  const waiting: Promise<void>[] = [];
  const isPromised = durability !== 'os';
  for (let step = random.integer(1, 10); step > 0; step--) {
    const { last } = chain;
    const choice = random.next();
    if (choice < 0.65) {
      file.startAtomicOp();
      const items = randomItems(random, last.pageBytes, random.chance(0.1) ? 40 : 5);
      addAll(file, items);
      if (random.chance(0.15)) file.rollbackAtomicOp();
      else waiting.push(chain.reach(last.append(items), isPromised, () => file.commitAtomicOp()));
      if (random.chance(0.6)) await Promise.all(waiting);
    } else if (choice < 0.75 && last.items.length > 0) {
      const entry = random.integer(0, last.items.length - 1);
      await chain.reach(last.truncate(entry), true, () => file.truncateFile(BigInt(entry)));
    } else if (choice < 0.85) {
      // A large one is torn most easily.
      const entry = largestEntry(last);
      if (entry === -1) continue;
      const { type, data } = last.items[entry]!;
      const other = random.bytes(data.length);
      await chain.reach(last.update(entry, other), true, () =>
        file.updateEntryData(BigInt(entry), type, other),
      );
    } else if (choice < 0.95) {
      const epoch = last.epoch + BigInt(random.integer(0, 2));
      // An epoch that is no higher is not written.
      await chain.reach(last.raiseEpoch(epoch), isPromised || epoch > last.epoch, () =>
        file.raiseEpoch(epoch),
      );
    } else {
      await chain.reach(last, true, () => file.close());
      return;
    }
  }
  await Promise.all(waiting);
}

function largestEntry({ items }: Model): number {
  const sizes = items.map(({ type, data }) => (type === BOOKMARK ? -1 : data.length));
  return sizes.some((size) => size >= 0) ? sizes.indexOf(Math.max(...sizes)) : -1;
}

function addAll(file: StreamFile, items: readonly Item[]): void {
  for (const { type, data } of items) {
    if (type === BOOKMARK) file.addStreamBookmark(data);
    else file.addStreamEntry(type, data);
  }
}

/** Which of the states the file is in; it must be one, in every respect. */
async function stateOf(
  file: StreamFile,
  machine: SimulatedMachine,
  allowed: readonly Model[],
): Promise<Model> {
  const bytes = hex(await readAll(file));
  const state = allowed.findLast(
    (model) =>
      hex(model.bytes) === bytes && model.length === file.committedLength && model.epoch === file.epoch,
  );
  if (!state) {
    const expected = allowed.map(
      ({ items, length, epoch }) => `${items.length} entries, ${length} bytes, epoch ${epoch}`,
    );
    const { totalEntries, totalLength } = file.header;
    throw new Error(
      `found ${totalEntries} entries, ${totalLength} bytes, epoch ${file.epoch}, which is none of: ${expected.join('; ')}`,
    );
  }
  expect(file.header.totalEntries).toBe(BigInt(state.items.length));
  expect(keys.map((key) => file.getBookmark(key))).toEqual(keys.map((key) => bigintOf(state.bookmark(key))));
  const entries: unknown[] = [];
  for (const number of state.encoded.keys()) entries.push(hex(await file.getEntryBytes(BigInt(number))));
  expect(entries).toEqual(state.encoded.map(hex));
  expect(isZero(machine.content.subarray(state.length))).toBe(true);
  return state;
}

function bigintOf(number: number | undefined): bigint | undefined {
  return number === undefined ? undefined : BigInt(number);
}

/** Opens what a power cut left: it is right, a second recovery finds the same, and the stream goes on from there. */
async function expectRecovery(
  { machine, allowed }: Crash,
  pageBytes: number,
  random: Random,
): Promise<Model> {
  const state = await stateOf(await machine.open({ pageBytes }), machine, allowed);
  const again = machine.afterPowerCut(keepSome(random));
  const file = await again.open({ pageBytes });
  expect(await stateOf(file, again, [state])).toBe(state);
  expect(Buffer.compare(again.content.subarray(4096), machine.content.subarray(4096))).toBe(0);

  const items = randomItems(random, pageBytes);
  file.startAtomicOp();
  addAll(file, items);
  await file.commitAtomicOp();
  await file.close();
  const next = state.append(items);
  await stateOf(await again.open({ pageBytes }), again, [next]);
  return state;
}

it.each<Durability>(['always', 'interval', 'os'])(
  'power cuts at any moment, durability %s',
  async (durability) => {
    let crashes = 0;
    const enough = CRASHES / 3;
    await rounds(Number.MAX_SAFE_INTEGER, 'crash.test.ts', async (random) => {
      const pageBytes = random.pick([64, 100, 256, 700]);
      const options = { pageBytes, durability, syncIntervalMs: 0, cachePages: 2 };
      let machine = new SimulatedMachine();
      let chain = new Chain(new Model(pageBytes));
      for (let lives = random.integer(1, 4); lives > 0; lives--) {
        const allowed = (): Model[] => chain.states.slice(chain.sure);
        const found = await cutting(machine, random, allowed, async () => {
          const file = await machine.open(options);
          await live(chain, file, random, durability);
        });
        for (const crash of found) {
          const recovered = crash.machine.afterKill();
          const inRecovery = await cutting(
            recovered,
            random,
            () => crash.allowed,
            async () => {
              await recovered.open(options);
            },
          );
          for (const each of [crash, ...inRecovery]) await expectRecovery(each, pageBytes, random);
          crashes += 1 + inRecovery.length;
        }
        // The next life begins where a kill or a power cut has ended this one.
        machine = random.chance(0.5) ? machine.afterKill() : machine.afterPowerCut(keepSome(random));
        const state = await stateOf(await machine.open(options), machine, allowed());
        machine = machine.afterKill();
        chain = new Chain(state);
      }
      return crashes >= enough ? 'done' : undefined;
    });
  },
);

it('a bookmark that was cut off does not come back after two power cuts, the index losing all it may', async () => {
  const options = { pageBytes: 100 };
  const loseIndex = (machine: SimulatedMachine): SimulatedMachine =>
    new SimulatedMachine(
      machine.disk.afterPowerCut(() => true),
      machine.bookmarks.afterPowerCut(() => false),
    );
  const [kept, gone] = [keys[0]!, keys[1]!];
  const written = new SimulatedMachine();
  const first = await written.open(options);
  first.startAtomicOp();
  for (const key of [kept, gone, gone, gone]) first.addStreamBookmark(key);
  await first.commitAtomicOp();
  await first.close();

  const machine = written.afterPowerCut(() => true);
  const file = await machine.open(options);
  const cuts: SimulatedMachine[] = [];
  machine.onChange = () => cuts.push(loseIndex(machine));
  await file.truncateFile(1n);
  expect(cuts.length).toBeGreaterThan(3);
  for (const cut of cuts) {
    const recovered = await cut.open(options);
    const isCut = recovered.header.totalEntries === 1n;
    recovered.startAtomicOp();
    for (let i = 0; i < 9; i++) recovered.addStreamEntry(1, new Uint8Array(0));
    await recovered.commitAtomicOp();
    const again = await loseIndex(cut).open(options);
    expect(again.header.totalEntries).toBe(isCut ? 10n : 13n);
    expect(again.getBookmark(kept)).toBe(0n);
    expect(again.getBookmark(gone)).toBe(isCut ? undefined : 3n);
  }
});

it('an update that is done is not done again to an entry that has taken its place', async () => {
  const options = { pageBytes: 100 };
  const machine = new SimulatedMachine();
  const file = await machine.open(options);
  const commitEntry = async (byte: number): Promise<void> => {
    file.startAtomicOp();
    file.addStreamEntry(1, Uint8Array.of(byte));
    await file.commitAtomicOp();
  };
  await commitEntry(1);
  await file.updateEntryData(0n, 1, Uint8Array.of(2));
  await file.truncateFile(0n);
  await commitEntry(3);
  const recovered = await machine.afterPowerCut(() => false).open(options);
  expect((await recovered.getEntry(0n))?.data).toEqual(Uint8Array.of(3));
});

it('an update of an entry that spans sectors is there whole or not at all', async () => {
  await rounds(1, 'crash.test.ts', async (random) => {
    const options = { pageBytes: 4096 };
    const machine = new SimulatedMachine();
    const file = await machine.open(options);
    const [before, after] = [random.bytes(2000), random.bytes(2000)];
    file.startAtomicOp();
    file.addStreamEntry(1, before);
    await file.commitAtomicOp();
    const cuts: SimulatedMachine[] = [];
    machine.onChange = () => {
      for (let i = 0; i < 20; i++) cuts.push(machine.afterPowerCut(keepSome(random)));
    };
    await file.updateEntryData(0n, 1, after);
    for (const cut of cuts) {
      const found = await (await cut.open(options)).getEntry(0n);
      expect([hex(before), hex(after)]).toContain(hex(found?.data));
    }
    return undefined;
  });
});
