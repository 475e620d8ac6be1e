// Goal: the README is true: its example runs as it stands there, and leaves what it says. That it compiles, a test of the
// repository says.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

import { runExample, typescriptIn } from '../../codec/test/support/examples.js';
import { readDocument } from '../../codec/test/support/markdown.js';
import { StreamFile } from '../src/index.js';

it('The example of the README writes an operation and reads it again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stream-readme-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'stream.bin');
  const [program = '', ...others] = typescriptIn(readDocument('packages/stream-file/README.md'));
  expect(others).toEqual([]);
  const printed: unknown[][] = [];
  await runExample(
    program.replace("'stream.bin'", JSON.stringify(path)),
    { '@ds/stream-file': { StreamFile } },
    { log: (...values) => printed.push(values) },
  );
  expect(printed).toEqual([
    ['entries 0 to 1 are safe'],
    [1n, 2, Uint8Array.of(1, 2, 3)],
    // Two heads of 17 bytes, a key of 7 and 3 bytes of data.
    ['44 bytes'],
  ]);
  await using file = await StreamFile.open(path);
  expect(file.header.totalEntries).toBe(2n);
});
