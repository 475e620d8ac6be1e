/** The command that says what a file is, without changing it, whoever has it open. */

import { stat } from 'node:fs/promises';
import { defineCommand } from '@ds/app-kit';
import { BOOKMARK_ENTRY_TYPE, entryLengthAt, entryTypeAt } from '@ds/codec';
import { inspect as inspectFile, StreamFileReader, type Inspection } from '@ds/stream-file';
import { inspectOptions } from '../options.js';
import { withProgress, type Advance } from '../progress.js';
import { entriesText, grouped, jsonLine, table } from '../text.js';

export const inspect = defineCommand({
  description: 'Says what a file is, how far it goes and who has it open. It may be in use.',
  options: inspectOptions,
  async main(given, { signal, write }) {
    const inspection = await inspectFile(given.file);
    const { blocks } = await stat(given.file);
    const types = given.types
      ? await withProgress('counting', (advance) => countTypes(given.file, advance, signal))
      : undefined;
    if (given.json) {
      const { holder, ...rest } = inspection;
      const answer = {
        file: given.file,
        ...rest,
        usedBytes: blocks * 512,
        ...(holder && { holder: { ...holder, alive: holder.alive ?? 'unknown' } }),
        ...(types && { bookmarks: types.get(BOOKMARK_ENTRY_TYPE) ?? 0, types: Object.fromEntries(types) }),
      };
      await write(jsonLine(answer));
    } else {
      await write(textOf(given.file, inspection, blocks * 512, types));
    }
  },
});

function textOf(
  file: string,
  inspection: Inspection,
  usedBytes: number,
  types: ReadonlyMap<number, number> | undefined,
): string {
  const { identity, committed, size, epoch, commits } = inspection;
  const rows: [string, string][] = [
    ['file', file],
    ['system id', String(identity.systemId)],
    ['stream type', String(identity.streamType)],
    ['version', String(identity.version)],
    ['entries', grouped(committed.entries)],
    ['committed', `${grouped(committed.length)} bytes`],
    ['file size', `${grouped(size)} bytes set aside, ${grouped(usedBytes)} used on the disk`],
    ['operations', operationsText(inspection)],
    ['epoch', String(epoch)],
    ['state', stateText(inspection)],
  ];
  for (const { sequence, end, clean } of commits)
    rows.push([
      `commit ${sequence}`,
      `${entriesText(end.entries)}, ${grouped(end.length)} bytes${clean ? ', closed' : ''}`,
    ]);
  if (types) {
    rows.push(['bookmarks', grouped(types.get(BOOKMARK_ENTRY_TYPE) ?? 0)]);
    for (const [type, count] of types) rows.push([`type ${type}`, entriesText(count)]);
  }
  return table(rows);
}

function operationsText({ operations }: Inspection): string {
  if (!operations) return 'not known: no journal that belongs to the file';
  const { count, last } = operations;
  if (!last) return 'none';
  if (last.commitTimeMs === undefined) return `${grouped(count)}, the last one taken over`;
  return `${grouped(count)}, the last one committed at ${timeText(last.commitTimeMs)}`;
}

/** A moment in UTC; the number where it is further than dates go. */
function timeText(ms: bigint): string {
  const LAST_DATE_MS = 8_640_000_000_000_000n;
  return ms > LAST_DATE_MS ? `${ms} ms since 1970` : new Date(Number(ms)).toISOString();
}

function stateText({ state, holder }: Inspection): string {
  if (state === 'clean') return 'closed';
  const who = holder && `process ${holder.pid} on ${holder.host} (${holder.program}), since ${holder.since}`;
  const isHeld = holder?.alive;
  if (state === 'foreign') {
    const user = isHeld === true ? `; in use by ${String(who)}` : '';
    return `written by another program: read through, and taken over, when it is opened${user}`;
  }
  if (isHeld === true) return `in use by ${String(who)}`;
  if (who !== undefined && isHeld === undefined) return `in use by ${who}, or left open by it`;
  return 'not closed, and nobody has it: recovered when it is opened';
}

async function countTypes(path: string, advance: Advance, signal: AbortSignal): Promise<Map<number, number>> {
  await using reader = await StreamFileReader.open(path);
  const counts = new Map<number, number>();
  for await (const { bytes, nextOffset } of reader.chunks(0n, reader.header.totalEntries)) {
    signal.throwIfAborted();
    for (let at = 0; at < bytes.length; at += entryLengthAt(bytes, at)) {
      const type = entryTypeAt(bytes, at);
      counts.set(type, (counts.get(type) ?? 0) + 1);
    }
    advance(nextOffset, reader.committedLength);
  }
  return new Map([...counts].sort(([a], [b]) => a - b));
}
