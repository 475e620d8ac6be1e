/** A disk that a test can hold up, and that can be full or broken. */
import type { Disk, DiskFile } from '@ds/stream-file';

import { nodeDisk } from '../../../stream-file/src/disk/node-disk.js';

export class TestDisk implements Disk {
  /** Syncs, and writes that can wait, do so while this is set. */
  #held: Promise<void> | undefined;
  #release: () => void = () => undefined;
  /** Error code that writes fail with, `ENOSPC` for example. */
  failure: string | undefined;

  hold(): void {
    this.#held = new Promise((resolve) => (this.#release = resolve));
  }

  release(): void {
    this.#held = undefined;
    this.#release();
  }

  /** Resolves when a write may go on. */
  async written(): Promise<void> {
    await this.#held;
    this.#fail();
  }

  async open(path: string): Promise<DiskFile> {
    return this.#watched(await nodeDisk.open(path));
  }

  async create(path: string): Promise<DiskFile> {
    return this.#watched(await nodeDisk.create(path));
  }

  rename(from: string, to: string): Promise<void> {
    return nodeDisk.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return nodeDisk.remove(path);
  }

  syncFolder(path: string): Promise<void> {
    return nodeDisk.syncFolder(path);
  }

  #fail(): void {
    if (this.failure !== undefined) throw Object.assign(new Error('the disk fails'), { code: this.failure });
  }

  #watched(file: DiskFile): DiskFile {
    return {
      size: () => file.size(),
      read: (at, into) => file.read(at, into),
      readSync: (at, into) => file.readSync(at, into),
      write: async (at, bytes) => {
        await this.written();
        await file.write(at, bytes);
      },
      writeSync: (at, bytes) => {
        this.#fail();
        file.writeSync(at, bytes);
      },
      resizeSync: (bytes) => {
        file.resizeSync(bytes);
      },
      sync: async () => {
        await this.written();
        await file.sync();
      },
      close: () => file.close(),
    };
  }
}
