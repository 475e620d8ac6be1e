// Compares a stream file with its model, without a test runner: a difference is an ordinary error.
import type { StreamFile } from '../src/index.js';
import { isZero } from './bytes.js';
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
  const { content } = machine;
  if (!isZero(content.subarray(state.length))) throw new Error('behind the stream stands something');
}
