/** Operations from a node's blocks, from where the stream ends. */

import { describeError } from '@ds/app-kit';
import type { OperationEntry } from '@ds/app-kit';
import { FeedError } from '../errors.js';
import type { SourcedOperation } from '../operation.js';
import { BlockSequence, type LastBlock } from './block-sequence.js';
import type { EthereumNode } from './ethereum-node.js';
import { nodeBlocks, type NodeBlocksOptions } from './node-blocks.js';

/**
 * An operation for each block of the node behind `last`, the newest of the stream; from `options.from` on if there is none.
 *
 * @throws {FeedError} `chain-broken` when the node's chain is not the stream's, `bad-input` for a block that can't be
 *   converted, `node`
 */
export async function* nodeOperations(
  node: Pick<EthereumNode, 'name' | 'head' | 'block'>,
  last: LastBlock | undefined,
  options: NodeBlocksOptions,
): AsyncGenerator<SourcedOperation, void, undefined> {
  const sequence = new BlockSequence(last);
  let number = last ? last.number + 1n : options.from;
  for await (const json of nodeBlocks(node, { ...options, from: number })) {
    const entries = entriesOf(json, sequence, node.name);
    if (entries) yield { entries, rollback: false, origin: `block ${number}` };
    number++;
  }
}

function entriesOf(json: unknown, sequence: BlockSequence, node: string): OperationEntry[] | undefined {
  try {
    return sequence.entriesOf(json);
  } catch (cause) {
    const problem = `${node}: ${describeError(cause)}`;
    if (!(cause instanceof FeedError)) throw new FeedError('bad-input', problem, { cause });
    const advice =
      "the node's chain was reorganised, or is another one than the stream's: cut the stream back to a block that " +
      'both have and start again, with more --confirmations';
    throw new FeedError(cause.code, `${problem}; ${advice}`, { cause });
  }
}
