/** Which operations the options ask for: from lines, from blocks in lines, or from a node. */

import { openBytes, readLines, type ConnectAccess, type Logger } from '@ds/app-kit';
import { BlockSequence, type LastBlock } from './chain/block-sequence.js';
import { countedBlock } from './chain/counted-block.js';
import { EthereumNode } from './chain/ethereum-node.js';
import { newestBlock } from './chain/newest-block.js';
import { nodeOperations } from './chain/node-operations.js';
import { blockOperationsOf, operationsOf } from './line-operations.js';
import type { SourcedOperation } from './operation.js';
import type { SourceOptions } from './options.js';

/** Where the stream ends. */
interface StreamEnd {
  readonly nextEntry: bigint;
}

/** Gives the operations to be sent once it is known where the stream ends. */
export type Operations = (stream: StreamEnd) => AsyncIterable<SourcedOperation>;

export interface InputContext {
  readonly logger: Logger;
  /** Ends reading with its reason. */
  readonly signal: AbortSignal;
  /** What the server of `resumeFrom` is shown. */
  readonly resumeAccess: ConnectAccess;
}

/**
 * Opens the input that the options name.
 *
 * @throws {UsageError} `invalid` when the file can't be opened
 */
export async function openOperations(given: SourceOptions, context: InputContext): Promise<Operations> {
  const { ops, blocks, rpc, fromBlock } = given;
  if (rpc && fromBlock !== undefined) return fromNode(given, rpc, fromBlock, context);
  const bytes = await openBytes(ops ?? blocks ?? '-', context.signal);
  const lines = readLines(bytes, given.lineMax);
  return ops === undefined ? fromBlocks(given, lines, context) : () => operationsOf(lines);
}

function fromBlocks(
  given: SourceOptions,
  lines: ReturnType<typeof readLines>,
  context: InputContext,
): Operations {
  return async function* ({ nextEntry }) {
    const last = await lastBlock(given, nextEntry, context);
    yield* blockOperationsOf(lines, new BlockSequence(last));
  };
}

function fromNode(given: SourceOptions, url: URL, from: bigint, context: InputContext): Operations {
  const { logger, signal } = context;
  const {
    nodeTimeout: timeoutMs,
    nodeRetry: retryMs,
    toBlock: to,
    confirmations,
    pollInterval: pollMs,
  } = given;
  return async function* ({ nextEntry }) {
    const node = new EthereumNode({ url, timeoutMs, retryMs, logger, signal });
    const last = given.resumeFrom
      ? await lastBlock(given, nextEntry, context)
      : await countedBlock(node, from, nextEntry);
    logger.info({ node: node.name, from: last ? last.number + 1n : from }, 'taking blocks from the node');
    yield* nodeOperations(node, last, { from, to, confirmations, pollMs, signal });
  };
}

/** The newest block of the stream, if it is to be looked up, and there is one. */
async function lastBlock(
  given: SourceOptions,
  nextEntry: bigint,
  { logger, resumeAccess: access }: InputContext,
): Promise<LastBlock | undefined> {
  const { resumeFrom: server, systemId, streamType } = given;
  if (!server || nextEntry === 0n) return undefined;
  const last = await newestBlock({ server, access, systemId, streamType, totalEntries: nextEntry });
  logger.info({ block: last?.number }, 'the newest block of the stream');
  return last;
}
