/** The command that repairs a file, as far as that loses nothing that can still be read. */

import { defineCommand } from '@ds/app-kit';
import {
  inspect,
  planRepair,
  repair as repairFile,
  StreamFileError,
  verify,
  type RepairPlan,
  type RepairStep,
  type VerifyReport,
} from '@ds/stream-file';
import { StreamToolError } from '../errors.js';
import { repairOptions } from '../options.js';
import { problemText } from '../problem-text.js';
import { withProgress } from '../progress.js';
import { counted, entriesText, grouped, rangeText } from '../text.js';

export const repair = defineCommand({
  description: 'Says what is wrong and what can be done about it; with --yes, does it.',
  options: repairOptions,
  examples: ['ds-stream repair stream.bin', 'ds-stream repair stream.bin --yes'],
  async main({ file, yes }, { signal, write }) {
    const report = await check(file, signal);
    await refuseInUse(file, report);
    for (const problem of report.problems) await write(`${problemText(problem)}\n`);
    const { steps, obstacle } = planRepair(report);
    if (obstacle !== undefined) throw refusal(file, report, obstacle);
    if (steps.length === 0) {
      await write(`${file}: nothing to do\n`);
      return;
    }
    for (const step of steps) await write(`${yes ? 'to do' : 'would do'}: ${stepText(step, report)}\n`);
    if (!yes) {
      await write('nothing was changed; do it with --yes\n');
      return;
    }
    await withProgress('repairing', (advance) =>
      repairFile(file, steps, (_step, done, total) => {
        advance(done, total);
      }),
    );
    const after = await check(file, signal);
    if (after.problems.length === 0) {
      await write(`${file}: repaired, ${entriesText(after.committed.entries)}, no problems\n`);
      return;
    }
    for (const problem of after.problems) await write(`${problemText(problem)}\n`);
    throw new StreamToolError(
      'problems',
      `${file}: ${counted(after.problems.length, 'problem')} left after the repair`,
    );
  },
});

function check(file: string, signal: AbortSignal): Promise<VerifyReport> {
  return withProgress('verifying', (advance) =>
    verify(file, {
      signal,
      onProgress: (_step, done, total) => {
        advance(done, total);
      },
    }),
  );
}

/** Says so at once, and not when it is too late: a file in use cannot be repaired. */
async function refuseInUse(file: string, { index }: VerifyReport): Promise<void> {
  if (index !== 'in use') return;
  const { holder } = await inspect(file);
  const how = holder
    ? `open for writing: process ${holder.pid} on ${holder.host} (${holder.program}), since ${holder.since}`
    : 'in use: another process has its bookmark index open';
  throw new StreamFileError('locked', `${file} is ${how}`);
}

function refusal(
  file: string,
  { whole, committed, isDamagedInside }: VerifyReport,
  obstacle: NonNullable<RepairPlan['obstacle']>,
): StreamToolError {
  if (obstacle === 'identity' && !isDamagedInside) {
    return new StreamToolError(
      'not-repairable',
      `${file}: nothing says what the identity was: restore the file, or export its entries and import them into a new one`,
    );
  }
  if (obstacle === 'shared-index') {
    return new StreamToolError(
      'not-repairable',
      `${file} shares its bookmark index with another file: give it a name that differs in more than its extension`,
    );
  }
  return new StreamToolError(
    'not-repairable',
    `${file} is damaged inside, with entries behind the damage that can still be read: fetch the file from elsewhere; or ` +
      `give up ${entriesText(committed.entries - whole.entries)} with ds-stream truncate ${file} --to-entry ${whole.entries}`,
  );
}

function stepText(step: RepairStep, { committed, isUpdating }: VerifyReport): string {
  switch (step.kind) {
    case 'recover':
      return isUpdating
        ? 'recover: finish the update that was interrupted; then see what else there is'
        : 'recover: wipe what stands behind the end, bring the size to whole pages, mark the file as closed';
    case 'cut':
      return step.lost > 0
        ? `cut: ${rangeText(step.to.entries, committed.entries - 1)} go, of which nothing can be read; ` +
            `${entriesText(step.to.entries)} stay`
        : `put the header right: ${entriesText(step.to.entries)} in ${grouped(step.to.length)} bytes`;
    case 'padding':
      return `zero the padding from offset ${step.offset} on`;
    case 'slots':
      return 'empty the damaged commit slots';
    case 'directory':
      return 'make the page directory again';
    case 'journal':
      return step.offsets.includes(0)
        ? 'begin the operation journal anew: no operation so far is known any more'
        : `empty ${counted(step.offsets.length, 'damaged record')} of the operation journal`;
    case 'index':
      return 'build the bookmark index again';
  }
}
