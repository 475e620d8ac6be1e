/** The command that writes entries as operations, one a line. */

import { defineCommand } from '@ds/app-kit';
import { entryBatch, type Entry } from '@ds/codec';
import { StreamFileReader } from '@ds/stream-file';
import { StreamToolError } from '../errors.js';
import { operationLine } from '../operation-line.js';
import { exportOptions } from '../options.js';
import { withProgress } from '../progress.js';
import { entriesText } from '../text.js';

/** Bytes of data with which a line ends, however few entries it has. */
const LINE_DATA_BYTES = 8 << 20;

export const exportEntries = defineCommand({
  description: 'Writes entries as JSON, one operation a line. The file may be in use.',
  options: exportOptions,
  examples: ['ds-stream export stream.bin --from 1000 --to 1999 > entries.jsonl'],
  check({ from, to }) {
    return to !== undefined && to < from ? '--to stands before --from' : undefined;
  },
  async main({ file, from, to, entriesPerOperation }, { signal, write }) {
    await using reader = await StreamFileReader.open(file);
    const total = Number(reader.header.totalEntries);
    const end = to === undefined ? total : to + 1;
    if (from > total || end > total) {
      throw new StreamToolError(
        'not-there',
        `${file} has no entry ${Math.max(from, end - 1)}: it has ${entriesText(total)}`,
      );
    }
    await withProgress('exporting', async (advance) => {
      let operation: Entry[] = [];
      let dataBytes = 0;
      for await (const { bytes } of reader.chunks(BigInt(from), BigInt(end))) {
        signal.throwIfAborted();
        for (const entry of entryBatch(bytes)) {
          operation.push(entry);
          dataBytes += entry.data.length;
          if (operation.length < entriesPerOperation && dataBytes < LINE_DATA_BYTES) continue;
          await write(operationLine(operation));
          advance(Number(entry.number) + 1 - from, end - from);
          operation = [];
          dataBytes = 0;
        }
      }
      if (operation.length > 0) await write(operationLine(operation));
    });
  },
});
