// Does one thing to a stream with a great many bookmarks, and prints, as a line of JSON, how long it took, the most memory
// that it had, and what a look-up takes, if it made some. LevelDB maps its tables into memory; their pages belong to the
// page cache, which gives them back on demand, and are not counted.
//
//   write PATH COUNT       makes the stream: so many bookmarks, each of another key, 1,000 of them in an operation
//   look-up PATH COUNT     opens it and looks bookmarks up, all over the stream
//   rebuild PATH COUNT     builds the index again from the stream
//   verify PATH COUNT      holds the index against the stream
//   cut PATH COUNT         cuts the stream in the middle, where what is cut off has keys again that stood before, and
//                          looks at what they name then
import { readFileSync } from 'node:fs';
import { rebuildIndex, StreamFile, verify } from '../../src/index.js';
import { identity } from '../bytes.js';
import { Random } from '../random.js';

const KEYS_IN_OPERATION = 1000;
const LOOK_UPS = 20_000;
const KEY_BYTES = 16;

/** The key of bookmark `nth`: in the order of their making, as blocks are, or for every eighth all over, as hashes are. */
function keyOf(nth: number): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  const view = new DataView(key.buffer);
  if (nth % 8 === 0) view.setUint32(0, Math.imul(nth, 0x9e3779b1));
  view.setUint32(KEY_BYTES - 4, nth);
  return key;
}

async function append(file: StreamFile, from: number, to: number): Promise<void> {
  let last: Promise<unknown> | undefined;
  for (let nth = from; nth < to;) {
    if (file.congested) await file.ready();
    file.startAtomicOp();
    for (const end = Math.min(to, nth + KEYS_IN_OPERATION); nth < end; nth++)
      file.addStreamBookmark(keyOf(nth));
    last = file.commitAtomicOp();
  }
  await last;
}

/** Looks bookmarks up at random; returns what the median of them takes, in microseconds. */
function lookUp(file: StreamFile, count: number): number {
  const random = new Random(1);
  const microseconds: number[] = [];
  for (let nth = 0; nth < LOOK_UPS; nth++) {
    const asked = random.integer(0, count - 1);
    const key = keyOf(asked);
    const started = performance.now();
    const found = file.getBookmark(key);
    microseconds.push((performance.now() - started) * 1000);
    if (found !== BigInt(asked)) throw new Error(`bookmark ${asked} names entry ${found}`);
  }
  return microseconds.sort((a, b) => a - b)[LOOK_UPS / 2]!;
}

const steps: Readonly<Record<string, (path: string, count: number) => Promise<number | undefined>>> = {
  async write(path, count) {
    await using file = await StreamFile.open(path, { create: identity, durability: 'os' });
    await append(file, 0, count);
    return undefined;
  },
  async 'look-up'(path, count) {
    await using file = await StreamFile.open(path);
    return lookUp(file, count);
  },
  async rebuild(path) {
    await rebuildIndex(path);
    return undefined;
  },
  async verify(path, count) {
    const { problems, bookmarks } = await verify(path);
    if (problems.length > 0 || bookmarks !== count)
      throw new Error(`${bookmarks}: ${JSON.stringify(problems)}`);
    return undefined;
  },
  async cut(path, count) {
    await using file = await StreamFile.open(path, { durability: 'os' });
    // Once more, a tenth of what stood before, and cut off again: each key must be found at its older place.
    await append(file, 0, count / 10);
    await file.truncateFile(BigInt(count));
    const microseconds = lookUp(file, count);
    await file.truncateFile(BigInt(count / 2));
    if (file.getBookmark(keyOf(count / 2)) !== undefined) throw new Error('what was cut off is still found');
    lookUp(file, count / 2);
    return microseconds;
  },
};

/** Memory of this process that is not a page of a file, now. */
function mebibytesNow(): number {
  return Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) / 1024;
}

let mebibytes = 0;
const look = (): void => {
  mebibytes = Math.max(mebibytes, mebibytesNow());
};
setInterval(look, 50).unref();

const [step, path, count] = process.argv.slice(2);
const started = performance.now();
const lookUpMicroseconds = await steps[step!]!(path!, Number(count));
const milliseconds = performance.now() - started;
look();
process.stdout.write(`${JSON.stringify({ milliseconds, mebibytes, lookUpMicroseconds })}\n`);
