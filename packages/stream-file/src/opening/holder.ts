/**
 * Who has a stream file open for writing, for the message that refuses a second one: `NAME.db.holder`, a JSON object. It
 * stands with the bookmark folder, since that is what is locked: another file may have to do with it. It is only read when
 * the lock itself is taken, so one that a crash left behind does not matter.
 */
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

import type { Disk, ReadableDisk } from '../disk/disk.js';
import { bookmarkPath, holderPath } from '../paths.js';

const HOST = hostname();

/** Says that this process has the file. Who cannot be told of it is refused all the same, so it may fail. */
export async function writeHolder(disk: Disk, path: string): Promise<void> {
  const holder = {
    pid: process.pid,
    host: HOST,
    program: process.argv[1] ?? process.execPath,
    since: new Date(),
    file: basename(path),
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

/** Who says that it has the file open. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly program: string;
  /** ISO 8601. */
  readonly since: string;
  /** Name of the stream file. */
  readonly file: string;
  /** Whether the process is there; undefined if it is another machine's. */
  readonly alive: boolean | undefined;
}

/** What the holder file says, if there is one that can be read. */
export async function readHolder(disk: ReadableDisk, path: string): Promise<Holder | undefined> {
  try {
    const file = await disk.openReadOnly(holderPath(path));
    try {
      const bytes = new Uint8Array(await file.size());
      await file.read(0, bytes);
      return holderOf(JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>);
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

function holderOf({ pid, host, program, since, file }: Record<string, unknown>): Holder {
  return {
    pid: Number(pid),
    host: String(host),
    program: String(program),
    since: String(since),
    file: String(file),
    alive: host === HOST ? isAlive(Number(pid)) : undefined,
  };
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Why the file at `path` cannot be had while the lock is taken: who has it, as far as that is known. */
export async function describeLock(disk: ReadableDisk, path: string): Promise<string> {
  const holder = await readHolder(disk, path);
  // Somebody else has it by now, who does not say so: the Go reference, or one who only looks.
  if (!holder || holder.alive === false)
    return `${path} is in use: another process has ${bookmarkPath(path)} open`;
  const { pid, host, program, since, file } = holder;
  const who = `process ${pid} on ${host} (${program}), since ${since}`;
  return file === basename(path)
    ? `${path} is open for writing: ${who}`
    : `${path} shares ${bookmarkPath(path)} with ${join(dirname(path), file)}, which is open for writing: ${who}`;
}
