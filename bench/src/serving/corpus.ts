// The stream file that catching up and single entries are measured with: entries of 128 bytes, 8,192 of them in each
// page and so no padding. Anybody can make it (`--make FILE`) and have another program serve it.
import { StreamFile } from '@ds/stream-file';
import { Corpus } from '../benchmark.js';

export const CORPUS_ENTRY_BYTES = 128;
const DATA_BYTES = CORPUS_ENTRY_BYTES - 17;
const ENTRIES_IN_OPERATION = 64;

export const identity = { systemId: 137n, streamType: 1n, version: 1 };

/** Bytes of entries: those that a client is sent from entry 0 on. */
export function corpusBytes(smoke: boolean): number {
  return smoke ? 4 << 20 : 1 << 30;
}

export async function makeCorpus(path: string, bytes: number, seed: number): Promise<void> {
  const data = new Corpus(seed).bytes(DATA_BYTES);
  await using file = await StreamFile.open(path, { create: identity, durability: 'os' });
  const operations = bytes / CORPUS_ENTRY_BYTES / ENTRIES_IN_OPERATION;
  for (let operation = 0; operation < operations; operation++) {
    if (file.congested) await file.ready();
    file.startAtomicOp();
    for (let entry = 0; entry < ENTRIES_IN_OPERATION; entry++) file.addStreamEntry(1, data);
    void file.commitAtomicOp();
  }
}
