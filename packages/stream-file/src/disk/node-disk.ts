/** The real disk: positioned reads and writes with `node:fs`. */
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

import { StreamFileError } from '../errors.js';
import type { Disk, DiskFile, ReadableDisk } from './disk.js';

const fsync = promisify(fs.fsync);
const fdatasync = promisify(fs.fdatasync);
const fstat = promisify(fs.fstat);
const close = promisify(fs.close);
const open = promisify(fs.open);

export const nodeDisk: Disk & ReadableDisk = {
  async open(path) {
    return new NodeDiskFile(await open(path, 'r+'));
  },
  async openReadOnly(path) {
    return new NodeDiskFile(await open(path, 'r'));
  },
  async create(path) {
    return new NodeDiskFile(await open(path, 'w+'));
  },
  rename: (from, to) => fs.promises.rename(from, to),
  remove: (path) => fs.promises.rm(path, { force: true }),
  async syncFolder(path) {
    const folder = await open(dirname(path), 'r');
    try {
      await fsync(folder);
    } finally {
      await close(folder);
    }
  },
};

class NodeDiskFile implements DiskFile {
  /** Undefined once it is closed: the number is soon that of another file, or of a connection. */
  #open: number | undefined;

  constructor(descriptor: number) {
    this.#open = descriptor;
  }

  get #descriptor(): number {
    if (this.#open === undefined) throw closedMeanwhile();
    return this.#open;
  }

  async size(): Promise<number> {
    return (await fstat(this.#descriptor)).size;
  }

  read(at: number, into: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      const step = (done: number): void => {
        if (this.#open === undefined) reject(closedMeanwhile());
        else
          fs.read(this.#open, into, done, into.length - done, at + done, (error, count) => {
            if (error) reject(error);
            else if (count === 0 || done + count === into.length) resolve(done + count);
            else step(done + count);
          });
      };
      step(0);
    });
  }

  readSync(at: number, into: Uint8Array): number {
    let done = 0;
    while (done < into.length) {
      const count = fs.readSync(this.#descriptor, into, done, into.length - done, at + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  write(at: number, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (done: number): void => {
        if (this.#open === undefined) reject(closedMeanwhile());
        else
          fs.write(this.#open, bytes, done, bytes.length - done, at + done, (error, count) => {
            if (error) reject(error);
            else if (done + count === bytes.length) resolve();
            else step(done + count);
          });
      };
      step(0);
    });
  }

  writeSync(at: number, bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length)
      done += fs.writeSync(this.#descriptor, bytes, done, bytes.length - done, at + done);
  }

  resizeSync(bytes: number): void {
    fs.ftruncateSync(this.#descriptor, bytes);
  }

  async sync(): Promise<void> {
    await fdatasync(this.#descriptor);
  }

  async close(): Promise<void> {
    const descriptor = this.#descriptor;
    this.#open = undefined;
    await close(descriptor);
  }
}

function closedMeanwhile(): StreamFileError {
  return new StreamFileError('closed', 'the file was closed meanwhile');
}
