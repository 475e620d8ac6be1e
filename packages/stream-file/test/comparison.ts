// Compares a stream file with its model, without a test runner: a difference is an ordinary error.
import { crc32 } from 'node:zlib';
import type { Operation, StreamFile } from '../src/index.js';
import { concat, isZero } from './bytes.js';
import { BOOKMARK, keys, type Item, type Model } from './model.js';
import type { SimulatedMachine } from './simulated-machine.js';

/** Adds items to the open operation. */
export function addAll(file: StreamFile, items: readonly Item[]): void {
  for (const { type, data } of items) {
    if (type === BOOKMARK) file.addStreamBookmark(data);
    else file.addStreamEntry(type, data);
  }
}

/** The file gives every answer that the model gives, and holds nothing else. */
export async function compare(file: StreamFile, machine: SimulatedMachine, state: Model): Promise<void> {
  const { encoded } = state;
  if (file.header.totalEntries !== BigInt(encoded.length) || file.committedLength !== state.length)
    throw new Error(`${file.header.totalEntries} entries instead of ${encoded.length}`);
  for (const [number, expected] of encoded.entries()) {
    const found = await file.getEntryBytes(BigInt(number));
    if (!found || Buffer.compare(found, expected) !== 0) throw new Error(`entry ${number} is wrong`);
  }
  for (const key of keys) {
    const found = file.getBookmark(key);
    const expected = state.bookmark(key);
    if (found !== (expected === undefined ? undefined : BigInt(expected)))
      throw new Error(`bookmark ${Buffer.from(key).toString()} at ${found} instead of ${expected}`);
  }
  const wrong = wrongOperation(operationsOf(file), state);
  if (wrong !== undefined) throw new Error(wrong);
  const { content } = machine;
  if (!isZero(content.subarray(state.length))) throw new Error('behind the stream stands something');
}

/** All operations, in order. */
export function operationsOf(file: Pick<StreamFile, 'operationAt'>): Operation[] {
  const operations: Operation[] = [];
  for (let next = file.operationAt(0n); next; next = file.operationAt(next.nextEntry)) operations.push(next);
  return operations;
}

/**
 * What is wrong with the operations of a stream, if anything: each is one of the model's, or some that were taken over,
 * whole ones or what a cut has left of them.
 */
export function wrongOperation(operations: readonly Operation[], model: Model): string | undefined {
  let start = 0;
  for (const { firstEntry, nextEntry, commitTimeMs, crc32: crc } of operations) {
    const end = Number(nextEntry);
    const what = `operation ${firstEntry} to ${end}`;
    const boundary = model.boundaries.find(({ nextEntry }) => nextEntry > start);
    if (Number(firstEntry) !== start) return `${what} does not follow entry ${start}`;
    if (!model.boundaries.some(({ nextEntry }) => nextEntry === end)) return `${what} ends where none does`;
    if ((crc === undefined) !== (commitTimeMs === undefined))
      return `${what} has only one of time and checksum`;
    if (crc !== undefined && (boundary?.nextEntry !== end || !boundary.isWhole)) return `${what} is not one`;
    if (crc !== undefined && crc !== crc32(concat(model.encoded.slice(start, end))))
      return `${what} has another checksum`;
    start = end;
  }
  return start === model.items.length ? undefined : `operations end at entry ${start}`;
}
