// Goal: whatever is done to a stream file, it answers as the plain list of entries in model.ts would.
// Method: random histories in tiny pages, so that every few entries meet a page's end; after each step every question
// that can be asked is asked, and the file's bytes are looked at from outside.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { entryBatch } from '@ds/codec';
import { StreamFile, type Durability, type StreamFileError } from '../src/index.js';
import { ascii, bytesOf, hex, identity, isZero, readAll, temporaryFolders } from './bytes.js';
import { BOOKMARK, keys, Model, randomItems, type Item } from './model.js';
import { long, rounds, type Random } from './random.js';
import { SimulatedMachine } from './simulated-machine.js';

/** A stream file beside its model, and the operation that is open in both. */
class Pair {
  readonly reopen: () => Promise<StreamFile>;
  readonly content: () => Promise<Uint8Array> | Uint8Array;
  file: StreamFile;
  model: Model;
  added: Item[] | undefined;
  /** Commits not waited for yet. */
  commits: Promise<unknown>[] = [];

  constructor(file: StreamFile, model: Model, reopen: Pair['reopen'], content: Pair['content']) {
    this.file = file;
    this.model = model;
    this.reopen = reopen;
    this.content = content;
  }
}

type Step = (pair: Pair, random: Random) => Promise<void> | void;

const steps: Readonly<Record<string, Step>> = {
  start(pair) {
    pair.file.startAtomicOp();
    pair.added = [];
  },
  addOneByOne(pair, random) {
    for (const item of randomItems(random, pair.model.pageBytes)) {
      const number = BigInt(pair.model.items.length + (pair.added?.length ?? 0));
      const { type, data } = item;
      expect(pair.file.nextEntry).toBe(number);
      expect(
        type === BOOKMARK ? pair.file.addStreamBookmark(data) : pair.file.addStreamEntry(type, data),
      ).toBe(number);
      pair.added?.push(item);
    }
  },
  addBatch(pair, random) {
    const items = randomItems(random, pair.model.pageBytes);
    const before = pair.model.append(pair.added ?? []);
    const bytes = before.append(items).bytes.subarray(before.bytes.length);
    pair.file.addStreamBatch(entryBatch(bytes));
    pair.added?.push(...items);
  },
  async commit(pair, random) {
    const firstEntry = BigInt(pair.model.items.length);
    pair.model = pair.model.append(pair.added ?? []);
    pair.added = undefined;
    const done = pair.file.commitAtomicOp();
    pair.commits.push(
      expect(done).resolves.toEqual({ firstEntry, nextEntry: BigInt(pair.model.items.length) }),
    );
    if (random.chance(0.7)) await settled(pair);
  },
  rollback(pair) {
    pair.file.rollbackAtomicOp();
    pair.added = undefined;
  },
  async truncate(pair, random) {
    const entry = random.integer(0, pair.model.items.length + 1);
    const done = pair.file.truncateFile(BigInt(entry));
    if (entry >= pair.model.items.length) {
      await expect(done).rejects.toMatchObject({ code: 'entry-not-found' });
      return;
    }
    pair.model = pair.model.truncate(entry);
    await done;
  },
  async update(pair, random) {
    const entry = random.integer(0, Math.max(pair.model.items.length, 1) - 1);
    const item = pair.model.items[entry];
    const data = random.bytes(random.chance(0.1) ? 3 : (item?.data.length ?? 0));
    const done = pair.file.updateEntryData(BigInt(entry), item?.type ?? 1, data);
    if (!item) await expect(done).rejects.toMatchObject({ code: 'entry-not-found' });
    else if (item.type === BOOKMARK) await expect(done).rejects.toMatchObject({ code: 'bad-entry' });
    else if (item.data.length !== data.length)
      await expect(done).rejects.toMatchObject({ code: 'update-mismatch' });
    else {
      await done;
      pair.model = pair.model.update(entry, data);
    }
  },
  async epoch(pair, random) {
    const epoch = BigInt(random.integer(0, 20)) << BigInt(random.integer(0, 59));
    await pair.file.raiseEpoch(epoch);
    pair.model = pair.model.raiseEpoch(epoch);
  },
  async reopen(pair) {
    await pair.file.close();
    pair.added = undefined;
    pair.file = await pair.reopen();
  },
};

const whenIdle = ['start', 'start', 'start', 'start', 'truncate', 'update', 'update', 'epoch', 'reopen'];
const whenOpen = [
  'addOneByOne',
  'addOneByOne',
  'addBatch',
  'commit',
  'commit',
  'rollback',
  'reopen',
  'refusals',
];

/** What cannot be done while an operation is open, or none is, is refused and changes nothing. */
async function expectRefusals({ file, added }: Pair): Promise<void> {
  if (!added) {
    expect(() => file.addStreamEntry(1, new Uint8Array(1))).toThrow(
      expect.objectContaining({ code: 'no-operation' }),
    );
    expect(() => {
      file.rollbackAtomicOp();
    }).toThrow(expect.objectContaining({ code: 'no-operation' }));
    await expect(file.commitAtomicOp()).rejects.toMatchObject({ code: 'no-operation' });
    return;
  }
  expect(() => {
    file.startAtomicOp();
  }).toThrow(expect.objectContaining({ code: 'operation-open' }));
  await expect(file.truncateFile(0n)).rejects.toMatchObject({ code: 'operation-open' });
  await expect(file.updateEntryData(0n, 1, new Uint8Array(1))).rejects.toMatchObject({
    code: 'operation-open',
  });
  expect(() => file.addStreamBookmark(new Uint8Array(17))).toThrow(
    expect.objectContaining({ code: 'bad-bookmark' }),
  );
  expect(() => file.addStreamEntry(BOOKMARK, new Uint8Array(1))).toThrow(
    expect.objectContaining({ code: 'bad-entry' }),
  );
}

async function settled(pair: Pair): Promise<void> {
  await Promise.all(pair.commits.splice(0));
}

/** Every question that can be asked, with the answer that the model gives. */
function answersOf(model: Model, added: readonly Item[] | undefined): unknown {
  const count = model.items.length;
  return {
    header: { ...identity, totalLength: BigInt(model.length), totalEntries: BigInt(count) },
    committedLength: model.length,
    epoch: model.epoch,
    operationOpen: added !== undefined,
    nextEntry: BigInt(count + (added?.length ?? 0)),
    entries: [undefined, ...model.encoded.map(hex), undefined, undefined],
    offsets: [undefined, ...model.offsets, model.length, undefined],
    bookmarks: keys.map((key) => model.bookmark(key)),
    events: keys.map((key) => model.firstEventAfter(key)),
    between: keys.flatMap((from) =>
      keys.map((to) => {
        const [first = Infinity, last = -1] = [model.bookmark(from), model.bookmark(to)];
        return first <= last ? hex(model.dataBetween(first, last)) : 'entry-not-found';
      }),
    ),
  };
}

/** The same questions, asked of the file. */
async function answersOfFile(file: StreamFile): Promise<unknown> {
  const count = file.header.totalEntries;
  const entries: unknown[] = [];
  const offsets: unknown[] = [];
  for (let number = -1n; number <= count + 1n; number++) {
    entries.push(hex(await file.getEntryBytes(number)));
    offsets.push(await file.offsetOf(number));
  }
  const events: unknown[] = [];
  const between: unknown[] = [];
  for (const from of keys) {
    events.push(numberOf((await file.getFirstEventAfterBookmark(from))?.number));
    for (const to of keys) {
      const data = file.getDataBetweenBookmarks(from, to);
      between.push(await data.then(hex, (error: unknown) => (error as StreamFileError).code));
    }
  }
  const { header, committedLength, epoch, operationOpen, nextEntry } = file;
  const bookmarks = keys.map((key) => numberOf(file.getBookmark(key)));
  return {
    header,
    committedLength,
    epoch,
    operationOpen,
    nextEntry,
    entries,
    offsets,
    bookmarks,
    events,
    between,
  };
}

function numberOf(number: bigint | undefined): number | undefined {
  return number === undefined ? undefined : Number(number);
}

async function expectEqual({ file, model, added, content: read }: Pair, random: Random): Promise<void> {
  expect(await answersOfFile(file)).toEqual(answersOf(model, added));

  const from = random.integer(0, model.items.length);
  const skipped = model.encoded.slice(0, from).reduce((total, { length }) => total + length, 0);
  const rest = await readAll(file, BigInt(from), random.pick([1, 2, 7, 17, 40, 1000]));
  expect(hex(rest)).toBe(hex(model.bytes.subarray(skipped)));

  // From outside: the entries at their places, padding of zeros, and nothing behind the end.
  const content = await read();
  expect((content.length - 4096) % model.pageBytes).toBe(0);
  const expected = new Uint8Array(content.length - 4096);
  for (const [number, encoded] of model.encoded.entries())
    expected.set(encoded, model.offsets[number]! - 4096);
  expect(hex(content.subarray(4096, model.length))).toBe(hex(expected.subarray(0, model.length - 4096)));
  expect(isZero(content.subarray(model.length, model.length + 1))).toBe(true);
}

async function history(pair: Pair, random: Random, count: number): Promise<void> {
  for (let step = 0; step < count; step++) {
    const name = random.pick(pair.added ? whenOpen : [...whenIdle, 'refusals']);
    if (name === 'refusals') await expectRefusals(pair);
    await steps[name]?.(pair, random);
    if (pair.commits.length > 0) {
      if (random.chance(0.5)) continue;
      await settled(pair);
    }
    await expectEqual(pair, random);
  }
  await settled(pair);
  await pair.file.close();
}

/** For a busy machine: what is tried depends on the seed alone. */
const TIMEOUT = { timeout: 600_000 };

describe('a stream file answers as a list of entries would', () => {
  const folder = temporaryFolders();

  it('through random histories in tiny pages, with every durability', TIMEOUT, async () => {
    await rounds(long ? 2000 : 100, 'model.test.ts', async (random) => {
      const pageBytes = random.pick([64, 65, 100, 256]);
      const options = {
        pageBytes,
        durability: random.pick<Durability>(['always', 'interval', 'os']),
        syncIntervalMs: 1,
        cachePages: random.pick([0, 1, 3, 32]),
        windowBytes: random.pick([0, 1000, 1 << 20]),
      };
      const machine = new SimulatedMachine();
      const open = (): Promise<StreamFile> => machine.open(options);
      await history(new Pair(await open(), new Model(pageBytes), open, () => machine.content), random, 60);
      return undefined;
    });
  });

  it('through random histories on a real disk with LevelDB', TIMEOUT, async () => {
    await rounds(long ? 100 : 4, 'model.test.ts', async (random) => {
      const pageBytes = random.pick([64, 300]);
      const path = join(await folder(), 'stream.bin');
      const open = (): Promise<StreamFile> =>
        StreamFile.open(path, { create: identity, pageBytes, cachePages: 2 });
      const pair = new Pair(await open(), new Model(pageBytes), open, () => bytesOf(path));
      await history(pair, random, 40);
      return undefined;
    });
  });
});

it('a cut of more bookmarks than are looked for at once leaves the older ones to be found', async () => {
  const machine = new SimulatedMachine();
  const file = await machine.open();
  const key = (nth: number): Uint8Array => ascii(`bookmark ${nth}`);
  const add = async (from: number, to: number): Promise<void> => {
    file.startAtomicOp();
    for (let nth = from; nth < to; nth++) file.addStreamBookmark(key(nth));
    await file.commitAtomicOp();
  };
  await add(0, 100);
  await add(50, 100_200);
  await file.truncateFile(110n);
  const expected = (nth: number): bigint | undefined =>
    nth < 50 || (nth >= 60 && nth < 100) ? BigInt(nth) : nth < 60 ? BigInt(nth + 50) : undefined;
  const asked = [0, 49, 50, 59, 60, 99, 100, 100_199];
  expect(asked.map((nth) => file.getBookmark(key(nth)))).toEqual(asked.map(expected));
  await file.close();
  const again = await machine.open();
  expect(asked.map((nth) => again.getBookmark(key(nth)))).toEqual(asked.map(expected));
});
