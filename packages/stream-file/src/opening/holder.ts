/**
 * Who has a stream file open for writing, for the message that refuses a second one: `NAME.bin.holder`, a JSON object.
 * It is only read when the lock itself is taken, so one that a crash left behind does not matter.
 */
import { hostname } from 'node:os';

import type { Disk, ReadableDisk } from '../disk/disk.js';
import { holderPath } from '../paths.js';

const HOST = hostname();

/** Says that this process has the file. Who cannot be told of it is refused all the same, so it may fail. */
export async function writeHolder(disk: Disk, path: string): Promise<void> {
  const holder = {
    pid: process.pid,
    host: HOST,
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

/** Who says that it has the file open. It may have died since. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly program: string;
  /** ISO 8601. */
  readonly since: string;
}

/** What the holder file says, if there is one that can be read. */
export async function readHolder(disk: ReadableDisk, path: string): Promise<Holder | undefined> {
  try {
    const file = await disk.openReadOnly(holderPath(path));
    try {
      const bytes = new Uint8Array(await file.size());
      await file.read(0, bytes);
      const { pid, host, program, since } = JSON.parse(Buffer.from(bytes).toString()) as Record<
        string,
        unknown
      >;
      return { pid: Number(pid), host: String(host), program: String(program), since: String(since) };
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** The holder in words. */
export async function describeHolder(disk: Disk, path: string): Promise<string> {
  const holder = await readHolder({ openReadOnly: (name) => disk.open(name) }, path);
  if (!holder) return 'another process';
  const { pid, host, program, since } = holder;
  return `process ${pid} on ${host} (${program}), since ${since}`;
}
