/** Following in tests: clients that are quick to try again and gone with the test, and what came as plain values. */
import { onTestFinished } from 'vitest';
import { encodeEntry, type Entry } from '@ds/codec';

import { goldenEntries } from '../../../codec/test/golden.js';
import type { StreamServer } from '../../../server/src/index.js';
import { numbered } from '../../../server/test/support/stream.js';
import { StreamClient, type FollowOptions, type StreamClientOptions } from '../../src/index.js';

/** The bookmark of the golden stream. */
export const key = goldenEntries[0]!.data;
/** Entries to come behind those of the golden stream. */
export const more = numbered(3n, [
  { type: 3, data: Uint8Array.of(3) },
  { type: 4, data: new Uint8Array(0) },
]);

export function addressOf({ clientAddress }: Pick<StreamServer, 'clientAddress'>): string {
  return `${clientAddress.host}:${clientAddress.port}`;
}

export function client(
  server: StreamClientOptions['server'],
  options: Partial<StreamClientOptions> = {},
): StreamClient {
  const made = new StreamClient({
    server,
    ...options,
    retry: { firstMs: 1, longestMs: 20, ...options.retry },
  });
  onTestFinished(() => made.close());
  return made;
}

/** All that comes until it ends. */
export async function collect(from: StreamClient, options: FollowOptions): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of from.follow(options)) entries.push(entry);
  return entries;
}

/** Entries as digits, which differ legibly. */
export function digits(entries: readonly Entry[]): string[] {
  return entries.map((entry) => Buffer.from(encodeEntry(entry)).toString('hex'));
}
