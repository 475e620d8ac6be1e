// Goal: whoever commits faster than the disk takes it is told to wait, so that memory stays bounded.
// Method: commits in one turn of the event loop, of which none can have been written.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StreamFile, type StreamFileOptions } from '../src/index.js';
import { identity, temporaryFolders } from './bytes.js';

const folder = temporaryFolders();

async function open(options: StreamFileOptions): Promise<StreamFile> {
  return StreamFile.open(join(await folder(), 'stream.bin'), { create: identity, ...options });
}

/** Commits operations of one entry until the file is congested, `most` at most; returns how many. */
function fill(file: StreamFile, data: Uint8Array, most: number, commits: Promise<unknown>[]): number {
  let count = 0;
  for (; count < most && !file.congested; count++) {
    file.startAtomicOp();
    file.addStreamEntry(1, data);
    commits.push(file.commitAtomicOp());
  }
  return count;
}

describe.each(['always', 'interval', 'os'] as const)(
  'With durability %s, a file is congested',
  (durability) => {
    it('by more bytes than its window', async () => {
      await using file = await open({ durability, windowBytes: 1000 });
      const commits: Promise<unknown>[] = [];
      expect(fill(file, new Uint8Array(83), 100, commits)).toBe(11);
      await file.ready();
      expect(file.congested).toBe(false);
      await Promise.all(commits);
    });

    it('by more than 2,048 commits, however small they are', async () => {
      await using file = await open({ durability });
      const commits: Promise<unknown>[] = [];
      expect(fill(file, new Uint8Array(0), 10_000, commits)).toBe(2049);
      await file.ready();
      expect(file.congested).toBe(false);
      await Promise.all(commits);
      expect(file.header.totalEntries).toBe(2049n);
    });
  },
);
