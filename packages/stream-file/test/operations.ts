// A sequence of operations that is the same wherever it is made: operation n says what the entries of operation n are.
import { ascii } from './bytes.js';
import { BOOKMARK, type Item } from './model.js';
import { Random } from './random.js';

/** Small, so that many pages are filled in a short life. */
export const PAGE_BYTES = 4096;

/** A bookmark with the operation's number, and a few entries behind it; now and then many. */
export function operationItems(operation: number): Item[] {
  const random = new Random(operation);
  const count = operation % 50 === 49 ? 60 : random.integer(0, 4);
  const items = Array.from({ length: count }, (): Item => {
    const data = new Uint8Array(random.integer(0, random.chance(0.05) ? PAGE_BYTES - 17 : 200));
    return { type: 1, data: data.fill(operation & 255) };
  });
  return [{ type: BOOKMARK, data: bookmarkOf(operation) }, ...items];
}

/** The bookmark of an operation. */
export function bookmarkOf(operation: number): Uint8Array {
  return ascii(String(operation));
}
