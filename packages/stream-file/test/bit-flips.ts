// Flips single bits of all files of a stream that was closed, of one that was interrupted in an update, and of one whose
// program was killed before the page directory knew its pages. A flip must be detected, by a typed error that names the
// file, or be harmless: all answers as before.
//
// Where a stream was interrupted, rot in what was not durable yet cannot be told from a write that was torn: an operation
// may then be missing as after a power cut. It is there whole or not at all in that case, too.
//
// Not covered, and so not flipped: where a stream was interrupted, what a cut has left of an operation, of which nobody has
// a checksum unless the page directory knows the page.
import { StreamFile, StreamFileError } from '../src/index.js';
import { ascii, readAll } from './bytes.js';
import { addAll, operationsOf, wrongOperation } from './comparison.js';
import { BOOKMARK, keys, Model, randomItems } from './model.js';
import type { Random } from './random.js';
import { SimulatedDisk } from './simulated-disk.js';
import { SimulatedMachine } from './simulated-machine.js';

const PATH = '/data/stream.bin';
const FILES = [PATH, `${PATH}.pages`, `${PATH}.journal`, `${PATH}.update`];
const HEADER_PAGE_BYTES = 4096;
export const PAGE_BYTES = 256;

/** What a stream has left on the disk, and the states that may be found there. */
interface Stored {
  readonly machine: SimulatedMachine;
  readonly allowed: readonly Model[];
  readonly isInterrupted: boolean;
}

/** What came of the flips. */
export interface Outcomes {
  detected: number;
  harmless: number;
}

/** Tries `count` flips, each of one bit in files put there anew. Throws at the first wrong answer. */
export async function tryFlips(random: Random, count: number): Promise<Outcomes> {
  const stored = [await closedStream(random), await interruptedStream(random), await killedStream(random)];
  const outcomes = { detected: 0, harmless: 0 };
  for (let flip = 0; flip < count; flip++) {
    const each = stored[flip % stored.length]!;
    const [path, from, to] = random.pick(
      FILES.flatMap((file) => rangesOf(each, file).map(([from, to]) => [file, from, to] as const)),
    );
    outcomes[await tryFlip(each, path, random.integer(from * 8, to * 8 - 1))]++;
  }
  return outcomes;
}

/** Pages full and not, bookmarks, an update, something cut off; closed cleanly. */
async function closedStream(random: Random): Promise<Stored> {
  const machine = new SimulatedMachine();
  const file = await machine.open({ pageBytes: PAGE_BYTES });
  let model = new Model(PAGE_BYTES);
  for (let operation = 0; operation < 12; operation++) {
    const items = randomItems(random, PAGE_BYTES);
    model = model.append([...items, { type: BOOKMARK, data: random.pick(keys) }]);
    file.startAtomicOp();
    addAll(file, model.items.slice(-items.length - 1));
    await file.commitAtomicOp();
  }
  const entry = model.items.length - 8;
  await file.truncateFile(BigInt(entry));
  model = model.truncate(entry);
  await file.raiseEpoch(5n);
  model = model.raiseEpoch(5n);
  // The last page is not full, and holds entries.
  file.startAtomicOp();
  addAll(file, [
    { type: 3, data: ascii('the last but one') },
    { type: 3, data: ascii('the last') },
  ]);
  model = model.append([
    { type: 3, data: ascii('the last but one') },
    { type: 3, data: ascii('the last') },
  ]);
  await file.commitAtomicOp();
  await file.close();
  return { machine, allowed: [model], isInterrupted: false };
}

/** Interrupted when an update was written down and nothing of it done. */
async function interruptedStream(random: Random): Promise<Stored> {
  const { machine, allowed } = await closedStream(random);
  const [before] = allowed;
  if (!before) throw new Error('there is no stream');
  const file = await machine.open({ pageBytes: PAGE_BYTES });
  const entry = before.items.findIndex(({ type, data }) => type !== BOOKMARK && data.length > 10);
  const { type, data } = before.items[entry]!;
  const other = random.bytes(data.length);
  let interrupted: SimulatedMachine | undefined;
  machine.onChange = () => {
    if (machine.disk.contentOf(`${PATH}.update`)) interrupted ??= machine.afterKill();
  };
  await file.updateEntryData(BigInt(entry), type, other);
  machine.onChange = undefined;
  if (!interrupted) throw new Error('the update was not written down');
  return { machine: interrupted, allowed: [before, before.update(entry, other)], isInterrupted: true };
}

/** Killed when some more operations were committed; of its pages nothing is known, as after a power cut. */
async function killedStream(random: Random): Promise<Stored> {
  const { machine, allowed } = await closedStream(random);
  const file = await machine.open({ pageBytes: PAGE_BYTES });
  const models = [allowed[0]!];
  for (let operation = 0; operation < 8; operation++) {
    const items = randomItems(random, PAGE_BYTES);
    models.push(models.at(-1)!.append(items));
    file.startAtomicOp();
    addAll(file, items);
    await file.commitAtomicOp();
  }
  const killed = machine.afterKill();
  killed.disk.put(`${PATH}.pages`, new Uint8Array(0));
  // The last one may seem to be torn.
  return { machine: killed, allowed: models.slice(-2), isInterrupted: true };
}

/** The ranges of a file whose bits are flipped: of the stream itself up to a page behind its end. */
function rangesOf(
  { machine, allowed, isInterrupted }: Stored,
  path: string,
): readonly (readonly [number, number])[] {
  const bytes = machine.disk.contentOf(path)?.length ?? 0;
  if (path !== PATH) return bytes > 0 ? [[0, bytes]] : [];
  const { offsets, boundaries, length } = allowed.at(-1)!;
  const header = [0, HEADER_PAGE_BYTES] as const;
  const end = length + PAGE_BYTES;
  const cut = boundaries.findIndex(({ isWhole }) => !isWhole);
  if (!isInterrupted || cut === -1) return [header, [HEADER_PAGE_BYTES, end]];
  const [first, next] = [boundaries[cut - 1]?.nextEntry ?? 0, boundaries[cut]!.nextEntry];
  return [header, [HEADER_PAGE_BYTES, offsets[first]!], [offsets[next] ?? length, end]];
}

async function tryFlip({ machine, allowed }: Stored, path: string, bit: number): Promise<keyof Outcomes> {
  const disk = new SimulatedDisk();
  for (const each of FILES) {
    const content = machine.disk.contentOf(each);
    if (!content) continue;
    disk.put(each, each === path ? flipped(content, bit) : content);
  }
  const copy = new SimulatedMachine(disk, machine.bookmarks.afterKill());
  const where = `bit ${bit & 7} of byte ${bit >> 3} of ${path} is flipped`;
  let file: StreamFile;
  try {
    file = await StreamFile.open(PATH, {
      disk,
      openBookmarkStore: copy.bookmarks.open,
      pageBytes: PAGE_BYTES,
      cachePages: 0,
    });
  } catch (error) {
    return expectTyped(error, PATH, where);
  }
  const wrong: string[] = [];
  for (const model of allowed) {
    const outcome = await answers(file, model, where);
    if (outcome === 'detected' || outcome === 'harmless') return outcome;
    wrong.push(outcome);
  }
  throw new Error(`${where}: ${wrong.join('; ')}`);
}

function flipped(content: Uint8Array, bit: number): Uint8Array {
  const other = content.slice();
  other[bit >> 3]! ^= 1 << (bit & 7);
  return other;
}

/** Whether all answers are right or typed errors; what is wrong otherwise. */
export async function answers(file: StreamFile, model: Model, where: string): Promise<string> {
  let outcome: keyof Outcomes = 'harmless';
  const { identity, totalEntries } = { identity: file.identity, ...file.header };
  if (identity.systemId !== 137n || identity.streamType !== 1n || identity.version !== 1)
    return 'another identity';
  if (file.epoch !== model.epoch) return `epoch ${file.epoch} instead of ${model.epoch}`;
  if (totalEntries !== BigInt(model.items.length))
    return `${totalEntries} entries instead of ${model.items.length}`;
  for (const [number, expected] of model.encoded.entries()) {
    try {
      const found = await file.getEntryBytes(BigInt(number));
      if (!found || Buffer.compare(found, expected) !== 0) return `entry ${number} is wrong`;
    } catch (error) {
      outcome = expectTyped(error, file.path, where);
    }
  }
  try {
    if (Buffer.compare(await readAll(file), model.bytes) !== 0) return 'the entries that are read are wrong';
  } catch (error) {
    outcome = expectTyped(error, file.path, where);
  }
  for (const key of keys) {
    const expected = model.bookmark(key);
    if (file.getBookmark(key) !== (expected === undefined ? undefined : BigInt(expected)))
      return `bookmark ${Buffer.from(key).toString()} is wrong`;
  }
  return wrongOperation(operationsOf(file), model) ?? outcome;
}

export function expectTyped(error: unknown, path: string, where: string): 'detected' {
  const isTyped =
    error instanceof StreamFileError &&
    ['damaged', 'not-a-stream-file', 'io'].includes(error.code) &&
    error.message.includes(path);
  if (isTyped) return 'detected';
  throw new Error(`${where}: no typed error: ${String(error)}`, { cause: error });
}
