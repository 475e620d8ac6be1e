/** Operations from the lines of a file or a pipe: each line one, or one block. */

import type { BlockSequence } from '../chain/block-sequence.js';
import type { Operation } from '../operation.js';
import { readLine, type Line } from './lines.js';
import { readOperation } from './operation-json.js';

/**
 * Each line is an operation.
 *
 * @throws {FeedError} `bad-input`, naming the line
 */
export async function* operationsOf(lines: AsyncIterable<Line>): AsyncGenerator<Operation, void, undefined> {
  for await (const line of lines) {
    yield { ...readLine(line, readOperation), origin: `line ${line.number}` };
  }
}

/**
 * Each line is a JSON-RPC block; blocks that the stream has already are passed over.
 *
 * @throws {FeedError} `bad-input`, naming the line
 */
export async function* blockOperationsOf(
  lines: AsyncIterable<Line>,
  sequence: BlockSequence,
): AsyncGenerator<Operation, void, undefined> {
  for await (const line of lines) {
    const entries = readLine(line, (json) => sequence.entriesOf(json));
    if (entries) yield { entries, rollback: false, origin: `line ${line.number}` };
  }
}
