// Small tools that many tests share: bytes from hex, temporary folders, files as they stand on the disk.
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { encodeEntry, type StreamIdentity } from '@ds/codec';
import type { StreamFile } from '../src/index.js';

export const identity: StreamIdentity = { version: 1, systemId: 137n, streamType: 1n };

/** Bytes from hex; white space is for the reader. */
export function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replace(/\s/g, ''), 'hex'));
}

/** Bytes of ASCII text. */
export function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

export function hex(data: Uint8Array | undefined): string | undefined {
  return data && Buffer.from(data.buffer, data.byteOffset, data.length).toString('hex');
}

export function entryBytes(type: number, number: number, data: Uint8Array): Uint8Array {
  return encodeEntry({ type, number: BigInt(number), data });
}

export function concat(parts: Iterable<Uint8Array>): Uint8Array {
  return new Uint8Array(Buffer.concat([...parts]));
}

/** The bytes of a file up to `end`, read from outside. */
export async function bytesOf(path: string, end = Infinity): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const content = Buffer.alloc(Math.min(end, (await file.stat()).size));
    await file.read(content, 0, content.length, 0);
    return new Uint8Array(content.buffer, content.byteOffset, content.length);
  } finally {
    await file.close();
  }
}

/** Whether all bytes are 0. */
export function isZero(data: Uint8Array): boolean {
  return Buffer.alloc(data.length).equals(data);
}

/** All entries from `from` on as `read` gives them. */
export async function readAll(file: StreamFile, from = 0n, bytesMax = 1 << 20): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let offset = await file.offsetOf(from); offset !== undefined;) {
    const chunk = await file.read(offset, bytesMax);
    if (chunk) parts.push(chunk.bytes);
    offset = chunk?.nextOffset;
  }
  return concat(parts);
}

/** To remove files of many GiB may take a busy disk long. */
const REMOVAL_MS = 300_000;

/** A function that makes temporary folders, removed after each test. */
export function temporaryFolders(): () => Promise<string> {
  const folders: string[] = [];
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
  }, REMOVAL_MS);
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stream-file-'));
    folders.push(folder);
    return folder;
  };
}

/** One committed operation: data as entries of `type`, strings as bookmarks. */
export async function commit(
  file: StreamFile,
  ...items: (readonly [type: number, data: Uint8Array] | string)[]
): Promise<void> {
  file.startAtomicOp();
  for (const item of items) {
    if (typeof item === 'string') file.addStreamBookmark(ascii(item));
    else file.addStreamEntry(...item);
  }
  await file.commitAtomicOp();
}
