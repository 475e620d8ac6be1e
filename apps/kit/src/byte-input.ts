/** Bytes from a file or from stdin, unpacked where the file's name says that it is packed. */

import { open } from 'node:fs/promises';
import { addAbortSignal, pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { describeError, InputError, UsageError } from './errors.js';

/**
 * Opens a file, or stdin for `-`. A name that ends in `.gz` is read decompressed. When the signal fires, reading
 * ends with its reason; it rejects with an `InputError` when the file can't be read to its end.
 *
 * @throws {UsageError} `invalid` when the file can't be opened
 */
export async function openBytes(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const raw = path === '-' ? process.stdin : await openFile(path);
  // A failure of the file comes out of the unpacked stream too.
  const bytes = path.endsWith('.gz') ? pipeline(raw, createGunzip(), () => undefined) : raw;
  return chunksOf(addAbortSignal(signal, bytes), path, signal);
}

async function openFile(path: string): Promise<Readable> {
  try {
    const file = await open(path);
    return file.createReadStream({ highWaterMark: 1 << 20 });
  } catch (cause) {
    throw new UsageError('invalid', `can't read ${path}: ${describeError(cause)}`, { cause });
  }
}

async function* chunksOf(
  stream: AsyncIterable<Uint8Array>,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* stream;
  } catch (cause) {
    signal.throwIfAborted();
    throw new InputError(`can't read ${path}: ${describeError(cause)}`, { cause });
  }
}
