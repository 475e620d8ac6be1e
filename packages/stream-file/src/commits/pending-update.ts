/**
 * The one entry that is being overwritten in place, kept in a file of its own until that is done.
 *
 *   NAME.bin.update: [0..8) ASCII "DSUPDATE", [8..16) u64 offset, [16..20) u32 CRC-32 of offset and entry, [20..) u8[] entry
 *
 * It is written, made durable, and only then the entry is overwritten; after a crash it is done again.
 */
import { crc32 } from 'node:zlib';

import {
  asciiBytes,
  ENTRY_HEAD_BYTES,
  equalBytes,
  readU32,
  readU64AsNumber,
  writeU32,
  writeU64Number,
} from '@ds/codec';

import type { Disk, DiskFile } from '../disk/disk.js';
import { updatePath } from '../paths.js';

const MAGIC = asciiBytes('DSUPDATE');
const HEAD_BYTES = 20;

/** Writes down, durably but without effect, that the entry at `offset` is to become `entry`: same head, same length. */
export async function preparePendingUpdate(
  disk: Disk,
  path: string,
  offset: number,
  entry: Uint8Array,
): Promise<void> {
  const bytes = new Uint8Array(HEAD_BYTES + entry.length);
  bytes.set(MAGIC);
  writeU64Number(bytes, 8, offset);
  bytes.set(entry, HEAD_BYTES);
  writeU32(bytes, 16, checksum(bytes));
  const pending = await disk.create(preparedPath(path));
  try {
    await pending.write(0, bytes);
    await pending.sync();
  } finally {
    await pending.close();
  }
}

/**
 * Overwrites the entry at `offset` with `entry`, which was prepared: all of it, whatever happens meanwhile. `onWritten`
 * mends, durably, what was derived from the old bytes.
 */
export async function applyPendingUpdate(
  disk: Disk,
  path: string,
  file: DiskFile,
  offset: number,
  entry: Uint8Array,
  onWritten: (offset: number) => Promise<void>,
): Promise<void> {
  await disk.rename(preparedPath(path), updatePath(path));
  await disk.syncFolder(path);
  await apply(disk, path, file, offset, entry, onWritten);
}

/** Finishes an update that a crash has interrupted. What does not belong to the stream any more is dropped. */
export async function finishPendingUpdate(
  disk: Disk,
  path: string,
  file: DiskFile,
  length: number,
  onWritten: (offset: number) => Promise<void>,
): Promise<void> {
  const bytes = await readPending(disk, path);
  if (!bytes) return;
  const whole = bytes.length > HEAD_BYTES + ENTRY_HEAD_BYTES && readU32(bytes, 16) === checksum(bytes);
  const offset = whole ? readU64AsNumber(bytes, 8) : 0;
  const entry = bytes.subarray(HEAD_BYTES);
  if (whole && offset + entry.length <= length) {
    const head = new Uint8Array(ENTRY_HEAD_BYTES);
    await file.read(offset, head);
    if (equalBytes(head, entry.subarray(0, ENTRY_HEAD_BYTES))) {
      return apply(disk, path, file, offset, entry, onWritten);
    }
  }
  await disk.remove(updatePath(path));
  await disk.syncFolder(path);
}

async function apply(
  disk: Disk,
  path: string,
  file: DiskFile,
  offset: number,
  entry: Uint8Array,
  onWritten: (offset: number) => Promise<void>,
): Promise<void> {
  await file.write(offset, entry);
  await file.sync();
  await onWritten(offset);
  await disk.remove(updatePath(path));
  await disk.syncFolder(path);
}

async function readPending(disk: Disk, path: string): Promise<Uint8Array | undefined> {
  let pending: DiskFile;
  try {
    pending = await disk.open(updatePath(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const bytes = new Uint8Array(await pending.size());
    await pending.read(0, bytes);
    return bytes;
  } finally {
    await pending.close();
  }
}

function checksum(bytes: Uint8Array): number {
  return crc32(bytes.subarray(HEAD_BYTES), crc32(bytes.subarray(8, 16)));
}

function preparedPath(path: string): string {
  return `${updatePath(path)}.new`;
}
