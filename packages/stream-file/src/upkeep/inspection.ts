/** What a stream file says about itself, without reading the stream and without writing anything. */
import type { StreamIdentity } from '@ds/codec';

import type { CommitRecord, Extent } from '../commits/header-page.js';
import { nodeDisk } from '../disk/node-disk.js';
import { checkSize, ObservedFile, type FileState } from '../disk/observed-file.js';
import { readHolder, type Holder } from '../opening/holder.js';

/** A file as it is at a moment. */
export interface Inspection {
  readonly identity: StreamIdentity;
  readonly state: FileState;
  /** What is committed: bytes of the file, and entries. Safe integers. */
  readonly committed: Extent;
  /** Bytes of the file, set aside or used. */
  readonly size: number;
  /** Highest epoch of a source so far. A u64. */
  readonly epoch: bigint;
  /** The commits that the header page still has, newest first. */
  readonly commits: readonly CommitRecord[];
  /** Who has the file open, or had it when it died. */
  readonly holder: Holder | undefined;
}

/**
 * Looks at a file, which may be in use.
 * @throws {StreamFileError} `not-found`, `not-a-stream-file`, `damaged` or `io`
 */
export async function inspect(path: string): Promise<Inspection> {
  const file = await ObservedFile.open(nodeDisk, path);
  try {
    const seen = await file.look();
    checkSize(seen, path);
    const { page, state, committed, size, epoch } = seen;
    // A holder file beside a file that was closed is left over.
    const holder = state === 'clean' ? undefined : await readHolder(nodeDisk, path);
    return { identity: page.identity, state, committed, size, epoch, commits: page.commits, holder };
  } finally {
    await file.close();
  }
}
