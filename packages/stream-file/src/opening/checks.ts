/** What is refused before anything is opened, made or locked: options that make no sense, and files that are no stream's. */
import { inspect } from 'node:util';

import { CodecError, encodeHeader, type StreamIdentity } from '@ds/codec';

import type { Durability } from '../commits/writer.js';
import type { Disk } from '../disk/disk.js';
import { ioError, StreamFileError } from '../errors.js';
import type { StreamFileOptions } from '../stream-file.js';
import { readHeader } from './recovery.js';

const durabilities: readonly Durability[] = ['always', 'interval', 'os'];

/** Longest time that a timer can be set to: above, it would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** @throws {StreamFileError} `bad-option` */
export function checkOptions(options: StreamFileOptions): void {
  const { create, durability = 'always', syncIntervalMs, windowBytes } = options;
  if (create !== undefined) checkNewIdentity(create);
  if (!durabilities.includes(durability)) {
    throw badOption('durability', durability, durabilities.map((each) => `'${each}'`).join(', '));
  }
  check('syncIntervalMs', syncIntervalMs, TIMER_MS_MAX);
  check('windowBytes', windowBytes, Number.MAX_SAFE_INTEGER);
  checkCacheOptions(options);
}

/** @throws {StreamFileError} `bad-option` */
export function checkCacheOptions({
  cachePages,
  verifyIntervalMs,
}: Pick<StreamFileOptions, 'cachePages' | 'verifyIntervalMs'>): void {
  check('cachePages', cachePages, Number.MAX_SAFE_INTEGER);
  check('verifyIntervalMs', verifyIntervalMs, Infinity);
}

function check(name: string, value: number | undefined, max: number): void {
  if (value === undefined || (typeof value === 'number' && value >= 0 && value <= max)) return;
  throw badOption(name, value, `0 to ${max}`);
}

function checkNewIdentity(identity: StreamIdentity): void {
  try {
    encodeHeader({ ...identity, totalLength: 0n, totalEntries: 0n });
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw new StreamFileError('bad-option', `create: ${cause.message}`, { cause });
  }
}

function badOption(name: string, value: unknown, expected: string): StreamFileError {
  return new StreamFileError('bad-option', `${name} is ${inspect(value)}: expected ${expected}`);
}

/**
 * A file that is there has to start as a stream's: nothing is put beside another one. It may be missing if it is to be made.
 * @throws {StreamFileError} `not-found`, `not-a-stream-file`, or `io`
 */
export async function checkBeginning(disk: Disk, path: string, { create }: StreamFileOptions): Promise<void> {
  try {
    const file = await disk.open(path);
    try {
      await readHeader(file, path);
    } finally {
      await file.close();
    }
  } catch (cause) {
    const error = ioError(path, 'opening', cause);
    if (create === undefined || error.code !== 'not-found') throw error;
  }
}
