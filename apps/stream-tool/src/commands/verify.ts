/** The command that reads everything and says what is wrong. */

import { defineCommand } from '@ds/app-kit';
import { verify as verifyFile, type VerifyReport } from '@ds/stream-file';
import { StreamToolError } from '../errors.js';
import { verifyOptions } from '../options.js';
import { problemText } from '../problem-text.js';
import { withProgress } from '../progress.js';
import { counted, entriesText, grouped, jsonLine } from '../text.js';

export const verify = defineCommand({
  description: 'Reads all that is committed, and lists every problem. The file may be in use.',
  options: verifyOptions,
  async main({ file, json }, { signal, write }) {
    const report = await withProgress('verifying', (advance) =>
      verifyFile(file, {
        signal,
        onProgress: (_step, done, total) => {
          advance(done, total);
        },
      }),
    );
    if (json) await write(jsonLine({ file, ...report }));
    else await write(textOf(report));
    const { problems } = report;
    if (problems.length === 0) return;
    throw new StreamToolError(
      'problems',
      `${file}: ${counted(problems.length, 'problem')} found; see what ds-stream repair can do`,
    );
  },
});

function textOf(report: VerifyReport): string {
  const { problems, committed, bookmarks, fullPages, checkedPages, checkedOperations, index } = report;
  const lines = problems.map(problemText);
  lines.push(
    `${entriesText(committed.entries)} in ${grouped(committed.length)} bytes, ${counted(bookmarks, 'bookmark')}; ` +
      `checksums of ${grouped(checkedPages)} of ${counted(fullPages, 'full page')} and ` +
      `${counted(checkedOperations, 'operation')}; bookmark index ${index}`,
    problems.length === 0 ? 'no problems' : counted(problems.length, 'problem'),
  );
  return lines.map((line) => `${line}\n`).join('');
}
