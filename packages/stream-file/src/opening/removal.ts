/** Removes a stream file with everything beside it. */
import { rm } from 'node:fs/promises';

import type { Disk } from '../disk/disk.js';
import { nodeDisk } from '../disk/node-disk.js';
import {
  bookmarkPath,
  directoryPath,
  holderPath,
  journalPath,
  unfinishedPath,
  updatePath,
} from '../paths.js';

export async function removeStreamFile(path: string): Promise<void> {
  await removeFiles(nodeDisk, path);
  await rm(bookmarkPath(path), { recursive: true, force: true });
}

/** All but the bookmark index, which may be kept elsewhere. */
export async function removeFiles(disk: Disk, path: string): Promise<void> {
  const update = updatePath(path);
  const unfinished = [path, update].map(unfinishedPath);
  for (const each of [path, directoryPath(path), journalPath(path), update, holderPath(path), ...unfinished])
    await disk.remove(each);
}
