/**
 * Finds the block that a stream ends with by counting: a stream that was made of a node's blocks from some number on
 * has as many entries as those blocks have. So nothing but the node and the source's own connection is needed.
 */

import { hash, quantity, readJson, record } from '../blocks/json-fields.js';
import { FeedError } from '../errors.js';
import type { LastBlock } from './block-sequence.js';
import type { EthereumNode } from './ethereum-node.js';
import { ordered } from './node-blocks.js';

/** A block's entries besides its transactions: bookmark, L2Block, L2BlockEnd. */
const ENTRIES_BESIDES = 3n;

const lastShape = record({ number: quantity, hash, timestamp: quantity });

/**
 * The block that a stream of `entries` entries ends with when its first block is `from`; undefined if it is empty.
 *
 * @throws {FeedError} `no-resume` when the node's blocks don't come out at so many entries
 */
export async function countedBlock(
  node: Pick<EthereumNode, 'head' | 'block' | 'transactionCount'>,
  from: bigint,
  entries: bigint,
): Promise<LastBlock | undefined> {
  if (entries === 0n) return undefined;
  let left = entries;
  let number = from;
  for await (const transactions of ordered(from, await node.head(), (at) => node.transactionCount(at))) {
    left -= ENTRIES_BESIDES + transactions;
    if (left <= 0n) break;
    number++;
  }
  if (left === 0n) return readJson(lastShape, await node.block(number), { blockNumber: number });
  throw new FeedError(
    'no-resume',
    `the stream has ${entries} entries, which no run of the node's blocks from ${from} on makes: ` +
      'give the --from-block that it was begun with, or name its port for clients with --resume-from',
  );
}
