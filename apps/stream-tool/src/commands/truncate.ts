/** The command that cuts a stream. */

import { defineCommand, formatHex, type Options } from '@ds/app-kit';
import { BOOKMARK_ENTRY_TYPE, entryBatch, equalBytes } from '@ds/codec';
import { cutDamaged, StreamFile, StreamFileError, StreamFileReader } from '@ds/stream-file';
import { StreamToolError } from '../errors.js';
import { truncateOptions } from '../options.js';
import { withProgress } from '../progress.js';
import { entriesText, rangeText } from '../text.js';

type Given = Options<typeof truncateOptions>;

export const truncate = defineCommand({
  description: 'Removes an entry and all after it, for good. Nobody else may have the file open.',
  options: truncateOptions,
  examples: [
    'ds-stream truncate stream.bin --to-entry 1000 --dry-run',
    'ds-stream truncate stream.bin --to-bookmark 0x080210a8aae802',
  ],
  check({ toEntry, toBookmark }) {
    if ((toEntry === undefined) === (toBookmark === undefined))
      return 'give either --to-entry or --to-bookmark';
    return undefined;
  },
  async main(given, { write }) {
    const { entry, total } = given.dryRun ? await look(given) : await cut(given);
    const what = `${rangeText(entry, total - 1)}, ${entriesText(total - entry)} of ${total}`;
    await write(given.dryRun ? `would remove ${what}; nothing was changed\n` : `removed ${what}\n`);
  },
});

async function look(given: Given): Promise<{ entry: number; total: number }> {
  await using reader = await StreamFileReader.open(given.file);
  const total = Number(reader.header.totalEntries);
  const entry = given.toEntry ?? (await newestWith(given.toBookmark, reader));
  return { entry: checked(entry, total, given), total };
}

async function cut(given: Given): Promise<{ entry: number; total: number }> {
  const { file: path, toEntry } = given;
  let total = 0;
  try {
    await using file = await withProgress('opening', (advance) =>
      StreamFile.open(path, {
        onProgress: (_step, done, all) => {
          advance(done, all);
        },
      }),
    );
    total = Number(file.header.totalEntries);
    const found = given.toBookmark && file.getBookmark(given.toBookmark);
    const entry = checked(toEntry ?? (found === undefined ? undefined : Number(found)), total, given);
    await file.truncateFile(BigInt(entry));
    return { entry, total };
  } catch (error) {
    const isDamaged = error instanceof StreamFileError && error.code === 'damaged';
    if (!isDamaged || toEntry === undefined) throw error;
  }
  // What is damaged goes.
  total ||= (await look(given)).total;
  await withProgress('cutting', (advance) =>
    cutDamaged(path, checked(toEntry, total, given), (_step, done, all) => {
      advance(done, all);
    }),
  );
  return { entry: toEntry, total };
}

function checked(entry: number | undefined, total: number, { file, toBookmark }: Given): number {
  if (entry !== undefined && entry < total) return entry;
  const wanted = toBookmark ? `bookmark ${formatHex(toBookmark)}` : `entry ${String(entry)}`;
  throw new StreamToolError('not-there', `${file} has no ${wanted}: it has ${entriesText(total)}`);
}

/** Number of the newest entry with a bookmark, from the stream itself: the index may be in use. */
async function newestWith(
  key: Uint8Array | undefined,
  reader: StreamFileReader,
): Promise<number | undefined> {
  if (!key) return undefined;
  return withProgress('looking for the bookmark', async (advance) => {
    let newest: number | undefined;
    for await (const { bytes, nextOffset } of reader.chunks(0n, reader.header.totalEntries)) {
      for (const { type, number, data } of entryBatch(bytes))
        if (type === BOOKMARK_ENTRY_TYPE && equalBytes(data, key)) newest = Number(number);
      advance(nextOffset, reader.committedLength);
    }
    return newest;
  });
}
