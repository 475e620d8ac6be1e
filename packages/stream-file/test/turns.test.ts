// Goal: a program that waits for each commit before it makes the next one does not stand still otherwise.
// Method: with durability `os` on a disk that never makes anybody wait, something else is to run meanwhile.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { StreamFile } from '../src/index.js';
import { bytes, commit, identity, temporaryFolders } from './bytes.js';

const folder = temporaryFolders();

it('commits one after the other leave room for others', async () => {
  await using file = await StreamFile.open(join(await folder(), 'stream.bin'), {
    create: identity,
    durability: 'os',
  });
  let turns = 0;
  const count = (): void => {
    turns++;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  for (let nth = 0; nth < 1000; nth++) await commit(file, [1, bytes('aa')]);
  clearImmediate(next);
  expect(turns).toBeGreaterThanOrEqual(3);
});
