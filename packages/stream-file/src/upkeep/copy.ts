/**
 * Copies a stream that may be written to meanwhile, as it was committed when the copy began. The copy is written under
 * another name, read again, and renamed when all of it is on the disk: there is a whole one or none.
 */
import { access, rename, truncate } from 'node:fs/promises';

import { entryBatch } from '@ds/codec';

import type { Extent } from '../commits/header-page.js';
import { nodeDisk } from '../disk/node-disk.js';
import { StreamFileError } from '../errors.js';
import { removeStreamFile } from '../opening/removal.js';
import { Geometry } from '../pages/geometry.js';
import { bookmarkPath, directoryPath, journalPath } from '../paths.js';
import { StreamFileReader } from '../reading/stream-file-reader.js';
import { StreamFile } from '../stream-file.js';
import { verify } from './verify.js';

export interface CopyOptions {
  /** Told how much is done, of how much there is: bytes, written and read again. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Ends the work with its reason; nothing is left of the copy. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes `to` a stream file with all that is committed in the one at `path`, its operations, epoch and bookmark index. It has room
 * for no more than it holds, and grows when it is written to. Resolves with what was copied.
 * @throws {StreamFileError} `exists` if `to` is there; `not-found`, `not-a-stream-file`, `damaged`; `changed` if the stream
 * is cut meanwhile; `disk-full` or `io`
 */
export async function copyStreamFile(path: string, to: string, options: CopyOptions = {}): Promise<Extent> {
  const { onProgress, signal } = options;
  for (const target of [to, bookmarkPath(to)]) await refuseIfThere(target);
  await using reader = await StreamFileReader.open(path);
  const committed = { length: reader.committedLength, entries: Number(reader.header.totalEntries) };
  // With an extension to be replaced: so its bookmark index has a name that is nobody else's.
  const temporary = `${to}.copying.bin`;
  await removeStreamFile(temporary);
  try {
    await write(reader, temporary, (done) => onProgress?.(done, 2 * committed.length), signal);
    const copied = await verify(temporary, {
      onProgress: (_step, done) => onProgress?.(committed.length + done, 2 * committed.length),
      ...(signal && { signal }),
    });
    const [problem] = copied.problems;
    if (problem || copied.committed.entries !== committed.entries) {
      throw new StreamFileError(
        'damaged',
        `${to}: the copy is not what was written: ${problem?.message ?? 'short'}`,
      );
    }
    await rename(bookmarkPath(temporary), bookmarkPath(to));
    await rename(directoryPath(temporary), directoryPath(to));
    await rename(journalPath(temporary), journalPath(to));
    await nodeDisk.rename(temporary, to);
    await nodeDisk.syncFolder(to);
    return copied.committed;
  } catch (error) {
    await removeStreamFile(temporary);
    throw error;
  }
}

async function write(
  reader: StreamFileReader,
  path: string,
  onWritten: (length: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const target = await StreamFile.open(path, { create: reader.identity, durability: 'os' });
  try {
    let last: Promise<unknown> = Promise.resolve();
    for await (const piece of reader.pieces(0n, reader.header.totalEntries)) {
      signal?.throwIfAborted();
      if (target.congested) await target.ready();
      if (!target.operationOpen) target.startAtomicOp();
      target.addStreamBatch(entryBatch(piece.bytes));
      onWritten(piece.nextOffset);
      if (!piece.endsOperation) continue;
      last = target.commitAtomicOp(piece.operation.commitTimeMs ?? 0n);
      // If one fails, all that follow do, and so the last.
      last.catch(() => undefined);
    }
    if (target.operationOpen) last = target.commitAtomicOp(0n);
    await last;
    await target.raiseEpoch(reader.epoch);
  } finally {
    await target.close();
  }
  // One byte behind the end has to be there for the reference.
  await truncate(path, new Geometry().gridSize(reader.committedLength + 1));
  const file = await nodeDisk.open(path);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function refuseIfThere(path: string): Promise<void> {
  try {
    await access(path);
  } catch {
    return;
  }
  throw new StreamFileError('exists', `${path} is there already: name another one, or remove it`);
}
