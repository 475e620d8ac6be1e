// How fast a stream file takes and gives entries, beside what the disk itself does: a bare loop over the same bytes, in the
// same folder, a moment before or after.
import { closeSync, fdatasync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { StreamFile, type Durability } from '@ds/stream-file';
import { Corpus, type Benchmark, type BenchmarkOptions, type Figure } from './benchmark.js';
import { inFolder } from './folder.js';

const sync = promisify(fdatasync);
/** An entry of 128 bytes: 17 of head, 111 of data. */
const ENTRY_BYTES = 128;
const DATA_BYTES = ENTRY_BYTES - 17;
const KEY_BYTES = 9;
const identity = { systemId: 137n, streamType: 1n, version: 1 };

/** Bytes of commits that may wait while others are written: they become the next group, so this decides how large groups are. */
const WINDOWS_KIB = [16, 64, 256, 1024, 2048];
const ENTRIES_IN_OPERATION = [1, 10, 100];

export const appendEntries: Benchmark = {
  name: 'append-entries',
  async run(options) {
    const figures: Figure[] = [];
    const measure = async (durability: Durability, windowKiB: number, entries: number): Promise<void> => {
      figures.push(...(await inFolder((folder) => append(folder, durability, windowKiB, entries, options))));
    };
    for (const entries of ENTRIES_IN_OPERATION) await measure('os', 2048, entries);
    for (const windowKiB of WINDOWS_KIB)
      for (const entries of ENTRIES_IN_OPERATION) await measure('always', windowKiB, entries);
    return figures;
  },
};

export const readEntries: Benchmark = {
  name: 'read-entries',
  run: (options) => inFolder((folder) => read(folder, options)),
};

/**
 * Operations of so many entries and a bookmark, committed without waiting for one another. The ratio is to a bare loop that
 * writes the same bytes in the very groups that were made, each synced if these were.
 */
async function append(
  folder: string,
  durability: Durability,
  windowKiB: number,
  entriesInOperation: number,
  { smoke, seed }: BenchmarkOptions,
): Promise<Figure[]> {
  const entryCount = smoke ? 200 : 2_000_000;
  const operationCount = Math.ceil(entryCount / (entriesInOperation + 1));
  const windowBytes = windowKiB << 10;
  const file = await StreamFile.open(join(folder, 'stream.bin'), {
    create: identity,
    durability,
    windowBytes,
  });
  // What is compiled while it runs is not measured.
  await appendOperations(file, Math.ceil(operationCount / 5), entriesInOperation, seed);
  const groupBytes: number[] = [];
  const begin = file.committedLength;
  let end = begin;
  file.listen({
    committed() {
      groupBytes.push(file.committedLength - end);
      end = file.committedLength;
    },
    truncated: () => undefined,
  });
  const startMs = performance.now();
  await appendOperations(file, operationCount, entriesInOperation, seed);
  const seconds = (performance.now() - startMs) / 1000;
  const bytes = end - begin;
  await file.close();

  const bareSeconds = await bareAppend(folder, groupBytes, durability === 'always');
  const what = `${durability}, ${entriesInOperation} and a bookmark, ${windowKiB} KiB in waiting`;
  const entries = operationCount * (entriesInOperation + 1);
  return [
    {
      what: `${what}: entries`,
      value: entries / seconds / 1e3,
      unit: 'k/s',
      ratio: bareSeconds / seconds,
    },
    { what: `  in groups of`, value: bytes / groupBytes.length / 1024, unit: 'KiB' },
    { what: `  a bare loop over the same bytes and groups`, value: bytes / bareSeconds / 1e6, unit: 'MB/s' },
  ];
}

async function appendOperations(
  file: StreamFile,
  count: number,
  entries: number,
  seed: number,
): Promise<void> {
  const data = new Corpus(seed).bytes(DATA_BYTES);
  const key = new DataView(new ArrayBuffer(KEY_BYTES));
  let last: Promise<unknown> = Promise.resolve();
  for (let operation = 0; operation < count; operation++) {
    if (file.congested) await file.ready();
    file.startAtomicOp();
    key.setUint32(1, operation);
    file.addStreamBookmark(new Uint8Array(key.buffer));
    for (let entry = 0; entry < entries; entry++) file.addStreamEntry(1, data);
    last = file.commitAtomicOp();
  }
  await last;
}

/** Seconds that writing pieces of these sizes takes, each of them synced if asked for. */
async function bareAppend(folder: string, pieces: readonly number[], synced: boolean): Promise<number> {
  const descriptor = openSync(join(folder, 'bare.bin'), 'w');
  const bytes = new Uint8Array(Math.max(...pieces)).fill(0xee);
  const startMs = performance.now();
  for (const length of pieces) {
    writeSync(descriptor, bytes, 0, length);
    if (synced) await sync(descriptor);
  }
  const seconds = (performance.now() - startMs) / 1000;
  closeSync(descriptor);
  return seconds;
}

/** Opening a file that was closed cleanly, and single entries and bookmarks of it at random. */
async function read(folder: string, { smoke, seed }: BenchmarkOptions): Promise<Figure[]> {
  const path = join(folder, 'stream.bin');
  const fileBytes = smoke ? 4 << 20 : 1 << 30;
  const operationCount = Math.floor(fileBytes / (100 * ENTRY_BYTES + KEY_BYTES + 17));
  const written = await StreamFile.open(path, { create: identity, durability: 'os' });
  await appendOperations(written, operationCount, 100, seed);
  await written.close();

  const openMs = performance.now();
  const file = await StreamFile.open(path);
  const openedMs = performance.now() - openMs;
  const corpus = new Corpus(seed);
  const entryCount = Number(file.header.totalEntries);
  const calls = smoke ? 100 : 20_000;
  const entry = await medianUs(calls, async () => {
    await file.getEntry(BigInt(corpus.u32() % entryCount));
  });
  const descriptor = openSync(path, 'r');
  const block = new Uint8Array(16 << 10);
  const bareEntry = await medianUs(calls, () => {
    readSync(descriptor, block, 0, block.length, corpus.u32() % (fileBytes - block.length));
  });
  closeSync(descriptor);
  const key = new DataView(new ArrayBuffer(KEY_BYTES));
  const bookmark = await medianUs(calls, () => {
    key.setUint32(1, corpus.u32() % operationCount);
    if (file.getBookmark(new Uint8Array(key.buffer)) === undefined) throw new Error('a bookmark is missing');
  });
  await file.close();
  const size = `${fileBytes >> 20} MiB`;
  return [
    { what: `open ${size}, closed cleanly`, value: openedMs, unit: 'ms' },
    { what: `random entry of ${size}, median`, value: entry, unit: 'us', ratio: entry / bareEntry },
    { what: `  reading 16 KiB at a random place, median`, value: bareEntry, unit: 'us' },
    { what: `bookmark among ${operationCount}, median`, value: bookmark, unit: 'us' },
  ];
}

async function medianUs(calls: number, call: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let nth = 0; nth < calls; nth++) {
    const startMs = performance.now();
    await call();
    times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  return (times[Math.floor(calls / 2)] ?? 0) * 1000;
}
