/** The command that adds operations to a stream, one a line: each is there as a whole or not at all. */

import { access } from 'node:fs/promises';
import {
  defineCommand,
  describeError,
  InputError,
  openBytes,
  readLine,
  readLines,
  readOperation,
  UsageError,
  type Operation,
  type Options,
} from '@ds/app-kit';
import type { StreamIdentity } from '@ds/codec';
import { inspect, StreamFile, StreamFileError } from '@ds/stream-file';
import { importOptions } from '../options.js';
import { counted, entriesText } from '../text.js';

type Given = Options<typeof importOptions>;

interface Tally {
  operations: number;
  entries: number;
}

export const importEntries = defineCommand({
  description: 'Adds operations, one a line as export writes them. Nobody else may have the file open.',
  options: importOptions,
  examples: [
    'ds-stream import entries.jsonl --into stream.bin --system-id 137',
    'ds-stream export a.bin --from 5000 | ds-stream import - --into b.bin',
  ],
  async main(given, { signal, write }) {
    const { into } = given;
    const tally: Tally = { operations: 0, entries: 0 };
    const identity = await identityFor(given);
    if (given.dryRun) {
      for await (const { entries } of operationsOf(given, signal)) count(tally, entries.length);
      await write(`would add ${tallyText(tally)} to ${into}; nothing was changed\n`);
      return;
    }
    await using file = await StreamFile.open(into, { create: identity });
    const before = file.header.totalEntries;
    try {
      await addAll(file, given, signal, tally);
    } catch (error) {
      const added = `${tallyText(tally)} before it stand in ${into}`;
      if (!(error instanceof InputError)) throw error;
      throw new InputError(`${error.message}; ${added}`, { cause: error });
    }
    await write(`${into}: added ${tallyText(tally)}, from entry ${before} on\n`);
  },
});

/** Commits are in flight while the next lines are read; all that were made have been acknowledged when it ends. */
async function addAll(file: StreamFile, given: Given, signal: AbortSignal, tally: Tally): Promise<void> {
  let failure: unknown;
  let last: Promise<void> = Promise.resolve();
  try {
    for await (const { entries } of operationsOf(given, signal)) {
      if (failure !== undefined) break;
      await file.ready();
      file.startAtomicOp();
      for (const entry of entries) {
        if ('bookmark' in entry) file.addStreamBookmark(entry.bookmark);
        else file.addStreamEntry(entry.type, entry.data);
      }
      const previous = last;
      last = file.commitAtomicOp().then(
        () => {
          count(tally, entries.length);
          return previous;
        },
        (error: unknown) => {
          failure ??= error;
        },
      );
    }
  } finally {
    await last;
  }
  if (failure !== undefined) throw failure instanceof Error ? failure : new Error(describeError(failure));
}

/** The operations of the lines, without those that are to be rolled back. */
async function* operationsOf(given: Given, signal: AbortSignal): AsyncGenerator<Operation, void, undefined> {
  const bytes = await openBytes(given.source, signal);
  for await (const line of readLines(bytes, given.lineMax)) {
    const operation = readLine(line, readOperation);
    if (!operation.rollback) yield operation;
  }
}

/** What the file is, and what it has to be; what it is to become if it is not there. */
async function identityFor(given: Given): Promise<StreamIdentity> {
  const { into, systemId, streamType, fileVersion } = given;
  const found = (await isThere(into)) ? (await inspect(into)).identity : undefined;
  if (!found && systemId === undefined)
    throw new UsageError('missing', `${into} is not there: give --system-id, and it is made`);
  const identity = {
    systemId: systemId ?? found?.systemId ?? 0n,
    streamType: streamType ?? found?.streamType ?? 1n,
    version: fileVersion ?? found?.version ?? 3,
  };
  for (const key of ['systemId', 'streamType', 'version'] as const) {
    if (!found || found[key] === identity[key]) continue;
    throw new StreamFileError(
      'identity-mismatch',
      `${into} is another stream: its ${key} is ${found[key]}, not ${identity[key]}`,
    );
  }
  return identity;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

function count(tally: Tally, entries: number): void {
  tally.operations++;
  tally.entries += entries;
}

function tallyText({ operations, entries }: Tally): string {
  return `${counted(operations, 'operation')} with ${entriesText(entries)}`;
}
