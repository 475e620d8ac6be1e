/**
 * Who has a stream file open for writing, for the message that refuses a second one: `NAME.bin.holder`, a JSON object.
 * It is only read when the lock itself is taken, so one that a crash left behind does not matter.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';

export async function writeHolder(path: string): Promise<void> {
  const holder = {
    pid: process.pid,
    host: hostname(),
    program: process.argv[1] ?? process.execPath,
    since: new Date(),
  };
  await writeFile(holderPath(path), `${JSON.stringify(holder)}\n`);
}

export async function removeHolder(path: string): Promise<void> {
  await rm(holderPath(path), { force: true });
}

/** The holder in words. */
export async function describeHolder(path: string): Promise<string> {
  try {
    const holder = JSON.parse(await readFile(holderPath(path), 'utf8')) as Record<string, unknown>;
    const { pid, host, program, since } = holder;
    return `process ${String(pid)} on ${String(host)} (${String(program)}), since ${String(since)}`;
  } catch {
    return 'another process';
  }
}

function holderPath(path: string): string {
  return `${path}.holder`;
}
