// Goal: a file that was closed is neither read, written nor closed again. The operating system gives its descriptor to the
// next file or connection of the process: whoever still used it would get, change or end what is somebody else's.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { overwrite } from '@ds/test-kit';
import type { ReadableDisk } from '../src/disk/disk.js';
import { nodeDisk } from '../src/disk/node-disk.js';
import { StreamFile, StreamFileReader } from '../src/index.js';
import { commit, identity, temporaryFolders } from './bytes.js';

const folder = temporaryFolders();

describe('A closed file', () => {
  it('leaves the file that has its descriptor now alone', async () => {
    const [one, other] = [join(await folder(), 'one'), join(await folder(), 'other')];
    await Promise.all([writeFile(one, 'one'), writeFile(other, 'other')]);
    const closed = await nodeDisk.open(one);
    await closed.close();
    const open = await nodeDisk.open(other);

    const isClosed = { code: 'closed' };
    await expect(closed.read(0, new Uint8Array(1))).rejects.toMatchObject(isClosed);
    await expect(closed.write(0, Uint8Array.of(0))).rejects.toMatchObject(isClosed);
    await expect(closed.size()).rejects.toMatchObject(isClosed);
    await expect(closed.sync()).rejects.toMatchObject(isClosed);
    await expect(closed.close()).rejects.toMatchObject(isClosed);
    expect(() => closed.readSync(0, new Uint8Array(1))).toThrow(expect.objectContaining(isClosed));
    expect(() => {
      closed.writeSync(0, Uint8Array.of(0));
    }).toThrow(expect.objectContaining(isClosed));
    expect(() => {
      closed.resizeSync(0);
    }).toThrow(expect.objectContaining(isClosed));

    expect(await open.size()).toBe('other'.length);
    await open.close();
  });
});

describe('A reader that starts over because of damage', () => {
  it('closes each of its files once, however many reads have met it at the same time', async () => {
    const path = join(await folder(), 'stream.bin');
    await using file = await StreamFile.open(path, { create: identity, pageBytes: 1024, durability: 'os' });
    for (let n = 0; n < 60; n++) await commit(file, [7, new Uint8Array(40).fill(n)]);
    const disk = new CountingDisk();
    const reader = await StreamFileReader.open(path, { disk, pageBytes: 1024, cachePages: 1 });
    await overwrite(path, 4096 + 8 * 57 + 30, 0xee);
    // The writer is at work: what looks like damage may be an update.
    await commit(file, [7, new Uint8Array(40)]);

    const reads = Array.from({ length: 8 }, () => reader.getEntry(8n));
    for (const { status } of await Promise.allSettled(reads)) expect(status).toBe('rejected');
    await reader.close();
    expect(
      disk.closings.every((count) => count === 1),
      `closed ${disk.closings.join()} times`,
    ).toBe(true);
  });
});

/** The real disk, that knows how often each file was closed. */
class CountingDisk implements ReadableDisk {
  readonly closings: number[] = [];

  async openReadOnly(path: string): ReturnType<ReadableDisk['openReadOnly']> {
    const file = await nodeDisk.openReadOnly(path);
    const nth = this.closings.push(0) - 1;
    const close = file.close.bind(file);
    file.close = () => {
      this.closings[nth]!++;
      return close();
    };
    return file;
  }
}
