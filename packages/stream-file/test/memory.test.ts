// Goal: memory grows neither with an operation nor with the file: 256 MiB are enough for all of it.
// Method: a program of its own for each case, whose largest resident size is looked at in the end.
//
// Large files are sparse. Their entries have a page each, so that only the 17 bytes of an entry's head take room on the
// disk. In the one of 16 GiB all entries are there. In the one of 1 TiB only those are whose heads a search for the asked
// entries looks at, the rest is a hole: it shows what opening and finding cost, and is no whole stream.
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { INDEXED_TO_KEY, indexedToValue } from '../src/bookmarks/bookmark-index.js';
import { openLevelBookmarkStore } from '../src/bookmarks/level-bookmark-store.js';
import { HeaderPage } from '../src/commits/header-page.js';
import { BundledProgram, outputOf } from './bundled-program.js';
import { entryBytes, identity, temporaryFolders } from './bytes.js';
import { long } from './random.js';

const MEBIBYTES_MAX = 256;
const TIMEOUT = { timeout: 600_000 };
const PAGE_BYTES = 1 << 20;
const HEADER_PAGE_BYTES = 4096;
const HEAD_BYTES = 17;

const folder = temporaryFolders();

async function measure(...options: string[]): Promise<{ milliseconds: number; mebibytes: number }> {
  await using program = await BundledProgram.of('memory');
  const { text, code } = await outputOf(program.start(['--max-old-space-size=128'], ...options), 600_000);
  expect(code).toBe(0);
  return JSON.parse(text) as { milliseconds: number; mebibytes: number };
}

/** A stream that was closed cleanly, of `pages` entries with a page each, of which those in `heads` have a head. */
async function makeSparse(path: string, pages: number, heads: Iterable<number>): Promise<void> {
  const end = { length: HEADER_PAGE_BYTES + pages * PAGE_BYTES, entries: pages };
  const headerPage = new HeaderPage(identity);
  const common = { epoch: 0n, session: 1n, dataCrc: 0 };
  headerPage.record({ ...common, sequence: 1, base: 0, start: end, end, clean: true });
  const file = await open(path, 'w');
  try {
    await file.truncate(end.length);
    await file.write(headerPage.bytes, 0, HEADER_PAGE_BYTES, 0);
    const first = entryBytes(1, 0, new Uint8Array(PAGE_BYTES - HEAD_BYTES)).subarray(0, HEAD_BYTES);
    for (const number of heads) {
      const head = Buffer.from(first);
      head.writeBigUInt64BE(BigInt(number), HEAD_BYTES - 8);
      await file.write(head, 0, HEAD_BYTES, HEADER_PAGE_BYTES + number * PAGE_BYTES);
    }
  } finally {
    await file.close();
  }
  // Its bookmarks, of which there are none, are indexed.
  const store = await openLevelBookmarkStore(path.replace('.bin', '.db'));
  await store.write([[INDEXED_TO_KEY, indexedToValue(pages, basename(path))]], true);
  await store.close();
}

/** The pages whose first entry a binary search for `number` looks at. */
function* searched(number: number, pages: number): Generator<number> {
  let low = 0;
  let high = pages - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    yield middle;
    if (middle <= number) low = middle;
    else high = middle - 1;
  }
  yield low;
}

it('an operation of 1 GiB', TIMEOUT, async () => {
  const path = join(await folder(), 'stream.bin');
  const { mebibytes } = await measure('operation', path, String((long ? 8 : 1) * 2 ** 30));
  expect(mebibytes).toBeLessThan(MEBIBYTES_MAX);
});

it('a file of 16 GiB is opened, and its entries found, at once', TIMEOUT, async () => {
  const path = join(await folder(), 'stream.bin');
  const pages = 16 * 1024;
  await makeSparse(path, pages, Array(pages).keys());
  const { milliseconds, mebibytes } = await measure('sparse', path);
  expect(mebibytes).toBeLessThan(MEBIBYTES_MAX);
  expect(milliseconds).toBeLessThan(5000);
});

it('a file of 1 TiB is opened, and entries in it found, at once', TIMEOUT, async () => {
  const path = join(await folder(), 'stream.bin');
  const pages = 1 << 20;
  const asked = [pages - 1, pages / 2, Math.floor(pages / 3), 0];
  await makeSparse(path, pages, new Set(asked.flatMap((number) => [...searched(number, pages)])));
  const { milliseconds, mebibytes } = await measure('sparse', path);
  expect(mebibytes).toBeLessThan(MEBIBYTES_MAX);
  expect(milliseconds).toBeLessThan(5000);
});
