/** The blocks to feed, and what the stream must be in the end: made here, without any server. */

import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { blockToEntries } from 'ds-source/blocks';
import { BOOKMARK_ENTRY_TYPE, encodeEntry } from '@ds/codec';

export interface Blocks {
  /** One JSON-RPC block a line, as recorded. */
  readonly lines: readonly string[];
  /** The bytes that a client must receive for all of them. */
  readonly stream: Uint8Array;
  readonly entryCount: number;
  /** Hashes of all transactions, in order, as the blocks give them. */
  readonly transactionHashes: readonly string[];
}

export async function readBlocks(path: string): Promise<Blocks> {
  const file = await readFile(path);
  const text = (path.endsWith('.gz') ? gunzipSync(file) : file).toString('utf8');
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const parts: Uint8Array[] = [];
  const transactionHashes: string[] = [];
  let previous: unknown;
  for (const line of lines) {
    const block = JSON.parse(line) as { transactions: { hash: string }[] };
    transactionHashes.push(...block.transactions.map(({ hash }) => hash));
    for (const entry of blockToEntries(block, previous)) {
      const type = 'bookmark' in entry ? BOOKMARK_ENTRY_TYPE : entry.type;
      const data = 'bookmark' in entry ? entry.bookmark : entry.data;
      parts.push(encodeEntry({ type, number: BigInt(parts.length), data }));
    }
    previous = block;
  }
  return { lines, stream: Buffer.concat(parts), entryCount: parts.length, transactionHashes };
}
