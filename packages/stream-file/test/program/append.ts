// Appends operations to a stream file as fast as it can until it is killed, and prints what was acknowledged.
//
//   PATH DURABILITY FIRST     FIRST is the number of the first operation; operation n is what `operationItems(n)` says
//
// Prints, after each group of operations, the number of the last one that was acknowledged, in one write a line.
import { writeSync } from 'node:fs';
import { StreamFile, type Durability } from '../../src/index.js';
import { identity } from '../bytes.js';
import { addAll } from '../comparison.js';
import { operationItems, PAGE_BYTES } from '../operations.js';

const [path, durability, first] = process.argv.slice(2);
const file = await StreamFile.open(path!, {
  create: identity,
  durability: durability as Durability,
  pageBytes: PAGE_BYTES,
});
const commits: Promise<unknown>[] = [];
for (let operation = Number(first); ; operation++) {
  file.startAtomicOp();
  addAll(file, operationItems(operation));
  commits.push(
    file.commitAtomicOp().then(() => {
      writeSync(1, `${operation}\n`);
    }),
  );
  // Some wait together, some are alone.
  if (operation % 5 === 0) await Promise.all(commits.splice(0));
}
