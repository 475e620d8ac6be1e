// Does one thing that is large, and prints, as a line of JSON, how long it took and the most memory that it had.
//
//   operation PATH BYTES      commits one operation of that size to a new file, and reads it again
//   sparse PATH               opens a large file, reads a few entries all over it, and closes it
import { StreamFile } from '../../src/index.js';
import { identity } from '../bytes.js';

const ENTRY_BYTES = 1 << 16;

async function writeOperation(path: string, bytes: number): Promise<void> {
  await using file = await StreamFile.open(path, { create: identity, durability: 'os' });
  const data = new Uint8Array(ENTRY_BYTES).fill(7);
  file.startAtomicOp();
  for (let added = 0; added < bytes; added += data.length) {
    data[0] = added / data.length;
    file.addStreamEntry(1, data);
  }
  await file.commitAtomicOp();
  let read = 0;
  for (let offset = await file.offsetOf(0n); offset !== undefined;) {
    const chunk = await file.read(offset, 1 << 20);
    read += chunk?.bytes.length ?? 0;
    offset = chunk?.nextOffset;
  }
  if (read < bytes) throw new Error(`${read} of ${bytes} bytes were read again`);
}

async function readSparse(path: string): Promise<void> {
  await using file = await StreamFile.open(path);
  const { totalEntries } = file.header;
  for (const number of [totalEntries - 1n, totalEntries / 2n, totalEntries / 3n, 0n, totalEntries - 1n]) {
    const entry = await file.getEntry(number);
    if (entry?.number !== number) throw new Error(`entry ${number} was not found`);
  }
}

const [what, path, bytes] = process.argv.slice(2);
const started = performance.now();
if (what === 'operation') await writeOperation(path!, Number(bytes));
else await readSparse(path!);
const milliseconds = performance.now() - started;
const mebibytes = process.resourceUsage().maxRSS / 1024;
process.stdout.write(`${JSON.stringify({ milliseconds, mebibytes })}\n`);
