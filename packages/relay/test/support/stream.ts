/** Streams to follow: a server on a port of its own with a file behind it, that a test can fill, stop, start, and look into. */
import { join } from 'node:path';

import { onTestFinished } from 'vitest';
import { StreamClient } from '@ds/client';
import type { StreamIdentity } from '@ds/codec';
import { StreamServer, type PortOptions } from '@ds/server';
import { StreamFile } from '@ds/stream-file';

import type { Random } from '@ds/test-kit';
import { temporaryFolder } from '../../../codec/test/support/temporary-folder.js';

export const identity: StreamIdentity = { systemId: 137n, streamType: 1n, version: 3 };
export const host = '127.0.0.1';

/** What an entry is given: a type and data, or a bookmark's key. */
export type NewEntry =
  { readonly type: number; readonly data: Uint8Array } | { readonly bookmark: Uint8Array };

/** A path in a folder that goes with the test. */
export async function temporaryPath(name = 'stream.bin'): Promise<string> {
  return join(await temporaryFolder(), name);
}

/** Who gets in at an upstream. */
type Access = Pick<PortOptions, 'token' | 'tls'>;

/** A server to follow. */
export class Upstream {
  readonly path: string;
  #identity: StreamIdentity;
  readonly #access: Access;
  #file: StreamFile | undefined;
  #server: StreamServer | undefined;
  #port = 0;

  private constructor(path: string, of: StreamIdentity, access: Access) {
    this.path = path;
    this.#identity = of;
    this.#access = access;
  }

  /** Starts one with an empty stream, which goes with the test. */
  static async start(changes: Partial<StreamIdentity> = {}, access: Access = {}): Promise<Upstream> {
    const path = await temporaryPath('upstream.bin');
    const upstream = new Upstream(path, { ...identity, ...changes }, access);
    onTestFinished(() => upstream.stop());
    await upstream.start();
    return upstream;
  }

  get file(): StreamFile {
    if (!this.#file) throw new Error('the upstream is stopped');
    return this.#file;
  }

  get server(): StreamServer {
    if (!this.#server) throw new Error('the upstream is stopped');
    return this.#server;
  }

  get address(): string {
    return `${host}:${this.#port}`;
  }

  /** Starts it, again at the same port if it has been there before. */
  async start(): Promise<void> {
    this.#file = await StreamFile.open(this.path, { create: this.#identity, durability: 'os' });
    this.#server = await StreamServer.start({
      file: this.#file,
      clients: { host, port: this.#port, ...this.#access },
      limits: { closeMs: 200 },
    });
    this.#port = this.#server.clientAddress.port;
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    await this.#file?.close();
    this.#server = undefined;
    this.#file = undefined;
  }

  /** Becomes another stream, an empty one, at the same port. */
  async replace(changes: Partial<StreamIdentity>): Promise<void> {
    await this.stop();
    await StreamFile.remove(this.path);
    this.#identity = { ...this.#identity, ...changes };
    await this.start();
  }

  /** Commits one operation. */
  append(entries: readonly NewEntry[]): Promise<void> {
    return append(this.file, entries);
  }
}

/** Commits one operation. */
async function append(file: StreamFile, entries: readonly NewEntry[]): Promise<void> {
  file.startAtomicOp();
  for (const entry of entries) {
    if ('bookmark' in entry) file.addStreamBookmark(entry.bookmark);
    else file.addStreamEntry(entry.type, entry.data);
  }
  await file.commitAtomicOp();
}

/** Entries that say which they are: `name` and their place. */
export function named(name: string, count: number): NewEntry[] {
  return textsOf(name, count).map((text) => ({ type: 1, data: Buffer.from(text) }));
}

/** The data of `named` entries, as text. */
export function textsOf(name: string, count: number): string[] {
  return Array.from({ length: count }, (_none, at) => `${name} ${at}`);
}

/** An operation of random entries, a bookmark before some. Few are long. */
export function operation(random: Random, entries = random.integer(1, 8), longest = 2_000): NewEntry[] {
  return Array.from({ length: entries }, () => {
    if (random.chance(0.2)) return { bookmark: random.bytes(random.integer(1, 2)) };
    const length = random.chance(0.1) ? random.integer(0, longest) : random.integer(0, 60);
    return { type: random.integer(1, 6), data: Buffer.alloc(length, random.integer(0, 255)) };
  });
}

/** The stream's bytes from the first entry to the last, as any client gets them. */
export async function bytesAt(address: string, streamType = identity.streamType): Promise<Buffer> {
  await using client = new StreamClient({ server: address, streamType });
  const { totalEntries } = await client.header();
  const chunks: Uint8Array[] = [];
  for await (const { bytes } of client.followBatches({ count: totalEntries })) chunks.push(bytes);
  return Buffer.concat(chunks);
}

/** What stands in a file that nobody has open, from the first entry to the last. */
export async function bytesIn(path: string): Promise<Buffer> {
  await using file = await StreamFile.open(path);
  const chunks: Uint8Array[] = [];
  let offset = 4096;
  for (let chunk = await file.read(offset, 1 << 20); chunk; chunk = await file.read(offset, 1 << 20)) {
    chunks.push(chunk.bytes);
    offset = chunk.nextOffset;
  }
  return Buffer.concat(chunks);
}

/** The data of a stream's entries as text. */
export async function textsAt(address: string): Promise<string[]> {
  await using client = new StreamClient({ server: address });
  const { totalEntries } = await client.header();
  const texts: string[] = [];
  for await (const { data } of client.follow({ count: totalEntries }))
    texts.push(Buffer.from(data).toString());
  return texts;
}

/** Waits until something is so, for at most ten seconds. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const endMs = Date.now() + 10_000;
  while (!isSo()) {
    if (Date.now() > endMs) throw new Error(`waited for ten seconds until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
