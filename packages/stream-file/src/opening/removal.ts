/** Removes a stream file with everything beside it. */
import { rm } from 'node:fs/promises';

import { bookmarkPath, directoryPath, holderPath, journalPath, updatePath } from '../paths.js';

export async function removeStreamFile(path: string): Promise<void> {
  for (const side of [path, directoryPath(path), journalPath(path), updatePath(path), holderPath(path)])
    await rm(side, { force: true });
  await rm(bookmarkPath(path), { recursive: true, force: true });
}
