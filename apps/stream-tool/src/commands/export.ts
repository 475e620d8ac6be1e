/** The command that writes entries as operations, one a line. */

import { defineCommand, operationLine } from '@ds/app-kit';
import { entryBatch, type Entry } from '@ds/codec';
import { StreamFileReader } from '@ds/stream-file';
import { StreamToolError } from '../errors.js';
import { exportOptions } from '../options.js';
import { withProgress } from '../progress.js';
import { entriesText } from '../text.js';

/** Bytes of data with which a line ends, however few entries it has: what import still reads of an operation. */
const OPERATION_DATA_BYTES = 48 << 20;
/** As that, where operations are not known. */
const LINE_DATA_BYTES = 8 << 20;

export const exportEntries = defineCommand({
  description: 'Writes entries as JSON, one operation a line, as committed. The file may be in use.',
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
      let line: Entry[] = [];
      let dataBytes = 0;
      const finishLine = async (): Promise<void> => {
        const last = line.at(-1);
        if (!last) return;
        await write(operationLine(line));
        advance(Number(last.number) + 1 - from, end - from);
        line = [];
        dataBytes = 0;
      };
      for await (const { bytes, operation, endsOperation } of reader.pieces(BigInt(from), BigInt(end))) {
        signal.throwIfAborted();
        const isKnown = operation.commitTimeMs !== undefined;
        const entriesMax = isKnown ? Infinity : entriesPerOperation;
        const dataBytesMax = isKnown ? OPERATION_DATA_BYTES : LINE_DATA_BYTES;
        for (const entry of entryBatch(bytes)) {
          line.push(entry);
          dataBytes += entry.data.length;
          if (line.length >= entriesMax || dataBytes >= dataBytesMax) await finishLine();
        }
        if (endsOperation) await finishLine();
      }
      await finishLine();
    });
  },
});
