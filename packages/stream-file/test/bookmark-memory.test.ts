// Goal: a great many bookmarks are made, found, indexed again, verified and cut off in 256 MiB.
// Method: a program for each of these, one behind the other on the same stream, whose memory is looked at all the time,
// without what the page cache holds for it. The long run has 50 million of them (tens of minutes):
//   DS_TEST_LONG=1 npm test -- packages/stream-file/test/bookmark-memory.test.ts
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BundledProgram, outputOf } from './bundled-program.js';
import { temporaryFolders } from './bytes.js';
import { long } from './random.js';

const MEBIBYTES_MAX = 256;
const BOOKMARKS = long ? 50_000_000 : 200_000;
const TIMEOUT_MS = long ? 7_200_000 : 240_000;

const folder = temporaryFolders();

// Only Linux tells what of a process's memory is not in the page cache.
it.runIf(process.platform === 'linux')(`${BOOKMARKS} bookmarks`, { timeout: TIMEOUT_MS }, async () => {
  await using program = await BundledProgram.of('bookmarks');
  const path = join(await folder(), 'stream.bin');
  for (const step of ['write', 'look-up', 'rebuild', 'verify', 'cut']) {
    const child = program.start(['--max-old-space-size=128'], step, path, String(BOOKMARKS));
    const { text, code } = await outputOf(child, TIMEOUT_MS);
    expect(code, `${step}: ${text}`).toBe(0);
    const { mebibytes } = JSON.parse(text) as { mebibytes: number };
    expect(mebibytes, step).toBeLessThan(MEBIBYTES_MAX);
  }
});
