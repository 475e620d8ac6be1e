/** Finds entries' ends, so that what is sent at once can be followed by something other than the next entry. */
import { entryLengthAt } from '@ds/codec';

/** Bytes of as many whole entries at the start of `bytes` as fit into `bytesMax`; of the first one if it does not fit. */
export function wholeEntries(bytes: Uint8Array, bytesMax: number): number {
  if (bytes.length <= bytesMax) return bytes.length;
  let end = entryLengthAt(bytes, 0);
  for (let next = end; next <= bytesMax; next += entryLengthAt(bytes, next)) end = next;
  return end;
}
