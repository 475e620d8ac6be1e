/** Cuts batches of entries. */
import { entryLengthAt, type EntryBatch } from '@ds/codec';

/** The first `count` entries of a batch; all of it if it has no more. */
export function firstEntriesOf(batch: EntryBatch, count: bigint): EntryBatch {
  if (count >= BigInt(batch.count)) return batch;
  let end = 0;
  for (let entry = 0; entry < count; entry++) end += entryLengthAt(batch.bytes, end);
  return { bytes: batch.bytes.subarray(0, end), firstEntry: batch.firstEntry, count: Number(count) };
}

/** A batch without its first entry; undefined if there is no other. */
export function withoutFirstEntry({ bytes, firstEntry, count }: EntryBatch): EntryBatch | undefined {
  if (count === 1) return undefined;
  return { bytes: bytes.subarray(entryLengthAt(bytes, 0)), firstEntry: firstEntry + 1n, count: count - 1 };
}

/** A batch's last entry, as it stands on the wire. */
export function lastEntryOf({ bytes, count }: EntryBatch): Uint8Array {
  let at = 0;
  for (let entry = 1; entry < count; entry++) at += entryLengthAt(bytes, at);
  return bytes.subarray(at);
}
