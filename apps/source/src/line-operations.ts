/** Operations from the lines of a file or a pipe: each line one, or one block. */

import { readLine, readOperation, type Line } from '@ds/app-kit';
import type { BlockSequence } from './chain/block-sequence.js';
import type { SourcedOperation } from './operation.js';

/**
 * Each line is an operation.
 *
 * @throws {InputError} naming the line
 */
export async function* operationsOf(
  lines: AsyncIterable<Line>,
): AsyncGenerator<SourcedOperation, void, undefined> {
  for await (const line of lines) {
    yield { ...readLine(line, readOperation), origin: `line ${line.number}` };
  }
}

/**
 * Each line is a JSON-RPC block; blocks that the stream has already are passed over.
 *
 * @throws {InputError} naming the line
 */
export async function* blockOperationsOf(
  lines: AsyncIterable<Line>,
  sequence: BlockSequence,
): AsyncGenerator<SourcedOperation, void, undefined> {
  for await (const line of lines) {
    const entries = readLine(line, (json) => sequence.entriesOf(json));
    if (entries) yield { entries, rollback: false, origin: `line ${line.number}` };
  }
}
