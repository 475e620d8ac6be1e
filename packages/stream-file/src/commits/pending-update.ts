/**
 * The one entry that is being overwritten in place, kept in a file of its own until that is done.
 *
 *   NAME.bin.update: [0..8) ASCII "DSUPDATE", [8..16) u64 offset, [16..20) u32 CRC-32 of offset and all behind this,
 *   [20..24) u32 operationCrc, [24..) u8[] entry
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
import { unfinishedPath, updatePath } from '../paths.js';

const MAGIC = asciiBytes('DSUPDATE');
const CRC_AT = 16;
const HEAD_BYTES = 24;

/** What an update does. */
export interface PendingUpdate {
  /** Where the entry stands in the file. */
  readonly offset: number;
  /** The entry as it will be: same head, same length. */
  readonly entry: Uint8Array;
  /** What the journal will say of its operation, if it says anything. */
  readonly operationCrc: number;
}

/** Mends, durably, what was derived from the old bytes. */
type OnWritten = (update: PendingUpdate) => Promise<void>;

/** Writes an update down, durably but without effect. */
export async function preparePendingUpdate(
  disk: Disk,
  path: string,
  { offset, entry, operationCrc }: PendingUpdate,
): Promise<void> {
  const bytes = new Uint8Array(HEAD_BYTES + entry.length);
  bytes.set(MAGIC);
  writeU64Number(bytes, 8, offset);
  writeU32(bytes, CRC_AT + 4, operationCrc);
  bytes.set(entry, HEAD_BYTES);
  writeU32(bytes, CRC_AT, checksum(bytes));
  const pending = await disk.create(unfinishedPath(updatePath(path)));
  try {
    await pending.write(0, bytes);
    await pending.sync();
  } finally {
    await pending.close();
  }
}

/** Does an update that was prepared: all of it, whatever happens meanwhile. */
export async function applyPendingUpdate(
  disk: Disk,
  path: string,
  file: DiskFile,
  update: PendingUpdate,
  onWritten: OnWritten,
): Promise<void> {
  await disk.rename(unfinishedPath(updatePath(path)), updatePath(path));
  await disk.syncFolder(path);
  await apply(disk, path, file, update, onWritten);
}

/** Finishes an update that a crash has interrupted. What does not belong to the stream any more is dropped. */
export async function finishPendingUpdate(
  disk: Disk,
  path: string,
  file: DiskFile,
  length: number,
  onWritten: OnWritten,
): Promise<void> {
  const bytes = await readPending(disk, path);
  if (!bytes) return;
  const whole = bytes.length > HEAD_BYTES + ENTRY_HEAD_BYTES && readU32(bytes, CRC_AT) === checksum(bytes);
  const offset = whole ? readU64AsNumber(bytes, 8) : 0;
  const entry = bytes.subarray(HEAD_BYTES);
  const operationCrc = whole ? readU32(bytes, CRC_AT + 4) : 0;
  if (whole && offset + entry.length <= length) {
    const head = new Uint8Array(ENTRY_HEAD_BYTES);
    await file.read(offset, head);
    if (equalBytes(head, entry.subarray(0, ENTRY_HEAD_BYTES))) {
      return apply(disk, path, file, { offset, entry, operationCrc }, onWritten);
    }
  }
  await disk.remove(updatePath(path));
  await disk.syncFolder(path);
}

async function apply(
  disk: Disk,
  path: string,
  file: DiskFile,
  update: PendingUpdate,
  onWritten: OnWritten,
): Promise<void> {
  await file.write(update.offset, update.entry);
  await file.sync();
  await onWritten(update);
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
  return crc32(bytes.subarray(CRC_AT + 4), crc32(bytes.subarray(8, CRC_AT)));
}
