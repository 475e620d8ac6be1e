/** Stream files of every kind, what is wrong with them, and `ds-stream` as its users start it. */

import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { startProgram, type EndedProgram } from '@ds/app-kit/testing';
import { encodeEntry, encodeHeader } from '@ds/codec';
import { StreamFile } from '@ds/stream-file';

/** The program. */
export const toolPath = fileURLToPath(new URL('../../bin/ds-stream', import.meta.url));

export const identity = { systemId: 137n, streamType: 1n, version: 3 };
export const PAGE_BYTES = 1 << 20;
/** Data of which four entries fill a page. */
export const QUARTER = 260_000;
/** Where the first entry of data stands in a file of `makeFile`: behind the header page and a bookmark of 4 bytes. */
export const FIRST_DATA_AT = 4096 + 17 + 4;

/** Runs `ds-stream ...` to its end, with `input` on stdin. */
export async function run(args: readonly string[], input?: string): Promise<EndedProgram> {
  await using program = startProgram(toolPath, args);
  program.child.stdin.end(input);
  return await program.ended();
}

/** Runs `ds-stream ...`, which has to succeed; what it wrote. */
export async function out(...args: string[]): Promise<string> {
  const ended = await run(args);
  if (ended.status !== 0) throw new Error(`ds-stream ${args.join(' ')}: ${ended.err}`);
  return ended.out;
}

/** A key of four bytes. */
export function key(n: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return new Uint8Array(bytes);
}

/** Commits one operation: a bookmark, and an entry of data. */
export async function commit(file: StreamFile, n: number, dataBytes: number): Promise<void> {
  file.startAtomicOp();
  file.addStreamBookmark(key(n));
  file.addStreamEntry(1 + (n % 3), new Uint8Array(dataBytes).fill(n + 1));
  await file.commitAtomicOp();
}

/** A file with so many operations; ten of the default size make two full pages and half a third one. */
export async function makeFile(path: string, operations = 10, dataBytes = QUARTER): Promise<string> {
  await using file = await StreamFile.open(path, { create: identity, durability: 'os' });
  for (let n = 0; n < operations; n++) await commit(file, n, dataBytes);
  return path;
}

/** A file as the Go reference writes it: a header without a stamp, entries, and stale bytes behind them if wanted. */
export async function makeForeignFile(
  path: string,
  entries: number,
  stale = new Uint8Array(0),
): Promise<string> {
  const content = Array.from({ length: entries }, (_, n) =>
    encodeEntry(
      n % 2 === 0
        ? { type: 0xb0, number: BigInt(n), data: key(n) }
        : { type: 7, number: BigInt(n), data: new Uint8Array(20).fill(n) },
    ),
  );
  const bytes = Buffer.concat(content);
  const header = encodeHeader({
    ...identity,
    totalLength: BigInt(4096 + bytes.length),
    totalEntries: BigInt(entries),
  });
  const file = Buffer.alloc(4096 + PAGE_BYTES);
  file.write('polygonDATSTREAM');
  file.set(header, 16);
  file.set(bytes, 4096);
  file.set(stale, 4096 + bytes.length);
  await writeFile(path, file);
  return path;
}

/** All entries of what `export` has written. */
export function entriesIn(lines: string): unknown[] {
  return lines
    .trimEnd()
    .split('\n')
    .flatMap((line) => (JSON.parse(line) as { entries: unknown[] }).entries);
}

/** All entries of a file as `export` writes them: in one line, where operations are not known. */
export function exported(path: string): Promise<string> {
  return out('export', path, '--entries-per-operation', '1000000');
}
