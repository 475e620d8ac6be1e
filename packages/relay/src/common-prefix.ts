/**
 * Finds how far two streams are the same.
 *
 * Single entries can be alike by chance, long runs of them are not: the search goes back in growing steps to a run of
 * entries that are all alike, and from there forward to the first one that differs.
 */
import type { StreamClient } from '@ds/client';
import { equalBytes, entryLengthAt } from '@ds/codec';
import type { StreamFile } from '@ds/stream-file';

/** Entries in a run that must all be alike. */
const RUN_ENTRIES = 1024n;

/** Number of the first entry that differs; `end` if none does. Both streams must have `end` entries. */
export async function commonPrefix(
  file: StreamFile,
  upstream: StreamClient,
  end: bigint,
  signal: AbortSignal,
): Promise<bigint> {
  let step = RUN_ENTRIES;
  let start = max(0n, end - step);
  while (
    start > 0n &&
    (await firstDifference(file, upstream, start, min(start + RUN_ENTRIES, end), signal)) !== undefined
  ) {
    step *= 2n;
    start = max(0n, start - step);
  }
  return (await firstDifference(file, upstream, start, end, signal)) ?? end;
}

async function firstDifference(
  file: StreamFile,
  upstream: StreamClient,
  from: bigint,
  to: bigint,
  signal: AbortSignal,
): Promise<bigint | undefined> {
  let number = from;
  for await (const { bytes } of upstream.followBatches({ from, count: to - from, signal })) {
    for (let at = 0; at < bytes.length; at += entryLengthAt(bytes, at)) {
      const own = await file.getEntryBytes(number);
      if (!own || !equalBytes(own, bytes.subarray(at, at + entryLengthAt(bytes, at)))) return number;
      number++;
    }
  }
  return undefined;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
