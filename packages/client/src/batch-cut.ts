/** Cuts batches of entries. */
import { entryLengthAt, type EntryBatch } from '@ds/codec';

/** The first `count` entries of a batch; all of it if it has no more. */
export function firstEntriesOf(batch: EntryBatch, count: bigint): EntryBatch {
  if (count >= BigInt(batch.count)) return batch;
  let end = 0;
  for (let entry = 0; entry < count; entry++) end += entryLengthAt(batch.bytes, end);
  return { bytes: batch.bytes.subarray(0, end), firstEntry: batch.firstEntry, count: Number(count) };
}
