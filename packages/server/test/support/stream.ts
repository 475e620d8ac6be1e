/** Streams to serve: a file in a temporary folder, a server on free ports, both gone with the test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';
import { encodeEntry, type Entry } from '@ds/codec';
import { StreamFile, type StreamFileOptions } from '@ds/stream-file';

import { goldenEntries, goldenIdentity } from '../../../codec/test/golden.js';
import {
  StreamServer,
  type BoundAddress,
  type StreamServerOptions,
  type WorkerOptions,
} from '../../src/index.js';

/** Something that must be undone, in the reverse order. */
type Finish = (undo: () => Promise<void>) => void;

export type StreamOptions = Omit<StreamFileOptions, 'create'>;
export type ServeOptions = Partial<Omit<StreamServerOptions, 'file'>>;

/** How servers serve, unless a test says otherwise: by themselves. */
export const serving: { workers?: WorkerOptions & { readonly program: string } } = {};

/** Size of the pages of streams that were opened with another one than usual. */
const pageBytes = new WeakMap<StreamFile, number>();

/** A path for a stream file in a folder of its own. */
export async function temporaryPath(finish: Finish = onTestFinished): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stream-server-'));
  finish(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'stream.bin');
}

/** An empty stream. Its commits are not synced, for speed. */
export async function emptyStream(
  options: StreamOptions = {},
  finish: Finish = onTestFinished,
): Promise<StreamFile> {
  const path = await temporaryPath(finish);
  const file = await StreamFile.open(path, { create: goldenIdentity, durability: 'os', ...options });
  finish(() => file.close());
  if (options.pageBytes !== undefined) pageBytes.set(file, options.pageBytes);
  return file;
}

/** The stream that the golden exchanges are about. */
export async function goldenStream(finish: Finish = onTestFinished): Promise<StreamFile> {
  const file = await emptyStream({}, finish);
  await commit(file, goldenEntries);
  return file;
}

/** A server for clients and sources. */
export async function serve(
  file: StreamFile,
  options: ServeOptions = {},
  finish: Finish = onTestFinished,
): Promise<StreamServer> {
  const host = '127.0.0.1';
  const server = await StreamServer.start({
    file,
    ...(serving.workers && { workers: { ...serving.workers, pageBytes: pageBytes.get(file) } }),
    clients: { host, port: 0 },
    source: { host, port: 0 },
    ...options,
    limits: { closeMs: 200, ...options.limits },
  });
  finish(() => server.close());
  return server;
}

export function sourceAddress(server: StreamServer): BoundAddress {
  if (!server.sourceAddress) throw new Error('the server has no port for sources');
  return server.sourceAddress;
}

/** Commits one operation. */
export async function commit(
  file: StreamFile,
  entries: readonly Pick<Entry, 'type' | 'data'>[],
): Promise<void> {
  file.startAtomicOp();
  add(file, entries);
  await file.commitAtomicOp();
}

/** Adds to the open operation. */
export function add(file: StreamFile, entries: readonly Pick<Entry, 'type' | 'data'>[]): void {
  for (const { type, data } of entries) {
    if (type === 0xb0) file.addStreamBookmark(data);
    else file.addStreamEntry(type, data);
  }
}

/** Entries with numbers from `first` on. */
export function numbered(first: bigint, entries: readonly Pick<Entry, 'type' | 'data'>[]): Entry[] {
  return entries.map(({ type, data }, at) => ({ type, data, number: first + BigInt(at) }));
}

/** Entries as they stand in the file and on the wire. */
export function bytesOf(entries: readonly Entry[]): Uint8Array {
  return Buffer.concat(entries.map((entry) => encodeEntry(entry)));
}
