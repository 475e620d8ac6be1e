/**
 * Whose a bookmark folder is. Files whose names differ in their last extension alone share one, which only one of them can
 * have: the one that the index names, while that is there.
 */
import { basename, dirname, join } from 'node:path';

import { bookmarkPath } from '../paths.js';

/** The other file that the bookmark folder of the file at `path` belongs to, if its index names `owner`. */
export async function sharingFile(
  path: string,
  owner: string | undefined,
  isThere: (path: string) => Promise<boolean>,
): Promise<string | undefined> {
  if (owner === undefined || owner === basename(path)) return undefined;
  const other = join(dirname(path), owner);
  // A folder that was moved along with its file, or whose file is gone, is taken over.
  if (bookmarkPath(other) !== bookmarkPath(path) || !(await isThere(other))) return undefined;
  return other;
}
