/** What a stream file says about itself, without reading the stream and without writing anything. */
import { basename } from 'node:path';

import type { StreamIdentity } from '@ds/codec';

import type { CommitRecord, Extent } from '../commits/header-page.js';
import { nodeDisk } from '../disk/node-disk.js';
import { checkSize, ObservedFile, type FileState, type Sighting } from '../disk/observed-file.js';
import type { Operation } from '../journal/journal-format.js';
import { operationOf } from '../journal/journal-records.js';
import { StoredJournal } from '../journal/stored-journal.js';
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
  /** What the journal knows of the stream's operations; undefined if there is none that belongs to the file. */
  readonly operations: OperationsSeen | undefined;
  /** Who has the file open, or had it when it died. */
  readonly holder: Holder | undefined;
}

interface OperationsSeen {
  /** How many there are, at most: each range that was taken over counts as one. A safe integer. */
  readonly count: number;
  /** The last one; undefined if the stream is empty. */
  readonly last: Operation | undefined;
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
    // A holder file beside a file that was closed is left over, or that of a file which shares the bookmark index.
    const found = state === 'clean' ? undefined : await readHolder(nodeDisk, path);
    const holder = found?.file === basename(path) ? found : undefined;
    const operations = await lookAtOperations(path, seen);
    return {
      identity: page.identity,
      state,
      committed,
      size,
      epoch,
      commits: page.commits,
      operations,
      holder,
    };
  } finally {
    await file.close();
  }
}

async function lookAtOperations(
  path: string,
  { committed, session }: Sighting,
): Promise<OperationsSeen | undefined> {
  const journal = await StoredJournal.open(nodeDisk, path, session);
  try {
    if (!journal.isThere) return undefined;
    if (committed.entries === 0) return { count: 0, last: undefined };
    const last = journal.find(committed.entries - 1, committed);
    return { count: last.index + 1, last: operationOf(last) };
  } finally {
    await journal.close();
  }
}
