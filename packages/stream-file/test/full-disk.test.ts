// Goal: a disk that is really full refuses what does not fit, keeps what it has, and takes more once there is room.
// Method: a file system in memory, of a few megabytes, mounted for this test; where that is not allowed it is skipped.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { StreamFile, StreamFileError } from '../src/index.js';
import { ascii, commit, identity } from './bytes.js';

const DISK_BYTES = 72 << 20;
/** What is in the way at first: more than LevelDB wants to see free before it writes again. */
const BALLAST_BYTES = 24 << 20;
const ENTRY_BYTES = 500_000;

const home = mkdtempSync(join(tmpdir(), 'stream-file-full-'));
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', home]).status === 0;
afterAll(() => {
  if (mounted) spawnSync('umount', [home]);
  rmSync(home, { recursive: true, force: true });
});

describe.skipIf(!mounted)(
  `a disk of ${DISK_BYTES} bytes${mounted ? '' : ' (mount is not allowed here)'}`,
  () => {
    /** Commits until the disk is full; returns how many more entries are there. */
    async function fill(file: StreamFile): Promise<number> {
      for (let count = 0; ; count++) {
        try {
          await commit(file, `key ${count}`, [1, new Uint8Array(ENTRY_BYTES).fill(count + 1)]);
        } catch (error) {
          if (file.operationOpen) file.rollbackAtomicOp();
          if (error instanceof StreamFileError && error.code === 'disk-full') return count * 2;
          throw error;
        }
        if (count > (2 * DISK_BYTES) / ENTRY_BYTES) throw new Error('the disk does not become full');
      }
    }

    it('refuses commits, which can be made again once there is room; nothing is lost', async () => {
      const folder = join(home, 'stream');
      const ballast = [join(home, 'ballast'), join(home, 'more')];
      await mkdir(folder);
      for (const each of ballast) await writeFile(each, new Uint8Array(BALLAST_BYTES));
      const path = join(folder, 'stream.bin');
      let file = await StreamFile.open(path, { create: identity });
      let entries = 0;
      for (let round = 0; round < 3; round++) {
        entries += await fill(file);
        expect(entries).toBeGreaterThan(0);
        expect(file.failure).toBeUndefined();
        expect(file.header.totalEntries).toBe(BigInt(entries));
        // Refused again and again, it stays what it is.
        await expect(commit(file, [1, new Uint8Array(ENTRY_BYTES)])).rejects.toMatchObject({
          code: 'disk-full',
        });
      }
      await rm(ballast[0]!);
      const added = await fill(file);
      expect(added).toBeGreaterThan(0);
      entries += added;
      await rm(ballast[1]!);
      await file.close();

      file = await StreamFile.open(path);
      expect(file.header.totalEntries).toBe(BigInt(entries));
      for (let entry = 1; entry < entries; entry += 2) {
        const found = await file.getEntry(BigInt(entry));
        expect(found?.data.length).toBe(ENTRY_BYTES);
        expect(new Set(found?.data).size).toBe(1);
      }
      expect(file.getBookmark(ascii('key 0'))).toBe(BigInt(entries - added));
      await file.close();
    });
  },
);
