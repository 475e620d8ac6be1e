/** Operations to send, each unlike any other, and sources to send them with. */
import { onTestFinished } from 'vitest';
import { BOOKMARK_ENTRY_TYPE, type Entry } from '@ds/codec';

import type { Random } from '@ds/test-kit';
import { StreamSource, type Commit, type StreamSourceOptions, type WaitOptions } from '../../src/index.js';
import { describeEntry, identity } from './test-server.js';

export type PlainEntry = Pick<Entry, 'type' | 'data'>;

/** Opens a source that tries again quickly and that goes with the test. */
export async function openSource(
  servers: readonly string[],
  options: Partial<StreamSourceOptions> = {},
  wait?: WaitOptions,
): Promise<StreamSource> {
  const source = await StreamSource.open(
    { servers, systemId: identity.systemId, retry: { firstMs: 5, longestMs: 50 }, ...options },
    wait,
  );
  onTestFinished(() => source.abort());
  return source;
}

/** The entries of operation `index`: its number as a bookmark, and 1 to 4 entries of random bytes. */
export function operation(index: number, random: Random, dataBytesMax = 200): PlainEntry[] {
  const key = new Uint8Array(8);
  new DataView(key.buffer).setUint32(4, index);
  const others = Array.from({ length: random.integer(1, 4) }, () => ({
    type: random.integer(1, 6),
    data: random.bytes(random.integer(0, dataBytesMax)),
  }));
  return [{ type: BOOKMARK_ENTRY_TYPE, data: key }, ...others];
}

/** Sends an operation; the commit is not waited for. */
export async function send(
  source: StreamSource,
  entries: readonly PlainEntry[],
): Promise<{ readonly committed: Promise<Commit> }> {
  const operation = await source.startAtomicOp();
  for (const { type, data } of entries) {
    if (type === BOOKMARK_ENTRY_TYPE) operation.addBookmark(data);
    else operation.addEntry(type, data);
  }
  const committed = operation.commit();
  committed.catch(() => undefined);
  return { committed };
}

/** Sends an operation and waits for its acknowledgement. */
export async function commit(source: StreamSource, entries: readonly PlainEntry[]): Promise<Commit> {
  const { committed } = await send(source, entries);
  return committed;
}

/** Entries as a stream numbers them, and as `TestServer.entries` gives them. */
export function numbered(entries: readonly PlainEntry[]): string[] {
  return entries.map((entry, at) => describeEntry({ ...entry, number: BigInt(at) }));
}

/** One entry of `length` bytes, all of them `value`. */
export function filled(value: number, length = 1): PlainEntry {
  return { type: 1, data: new Uint8Array(length).fill(value) };
}

/** Waits until something is so, at most five seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`it has not become so: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
