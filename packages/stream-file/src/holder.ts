/**
 * Who has a stream file open for writing, for the message that refuses a second one: `NAME.bin.holder`, a JSON object.
 * It is only read when the lock itself is taken, so one that a crash left behind does not matter.
 */
import { hostname } from 'node:os';

import type { Disk } from './disk.js';
import { holderPath } from './paths.js';

/** Says that this process has the file. Who cannot be told of it is refused all the same, so it may fail. */
export async function writeHolder(disk: Disk, path: string): Promise<void> {
  const holder = {
    pid: process.pid,
    host: hostname(),
    program: process.argv[1] ?? process.execPath,
    since: new Date(),
  };
  try {
    const file = await disk.create(holderPath(path));
    try {
      await file.write(0, Buffer.from(`${JSON.stringify(holder)}\n`));
    } finally {
      await file.close();
    }
  } catch {
    // A full disk, say: the message that refuses a second writer is all that suffers.
  }
}

export async function removeHolder(disk: Disk, path: string): Promise<void> {
  await disk.remove(holderPath(path));
}

/** The holder in words. */
export async function describeHolder(disk: Disk, path: string): Promise<string> {
  try {
    const file = await disk.open(holderPath(path));
    try {
      const bytes = new Uint8Array(await file.size());
      await file.read(0, bytes);
      const { pid, host, program, since } = JSON.parse(Buffer.from(bytes).toString()) as Record<
        string,
        unknown
      >;
      return `process ${String(pid)} on ${String(host)} (${String(program)}), since ${String(since)}`;
    } finally {
      await file.close();
    }
  } catch {
    return 'another process';
  }
}
