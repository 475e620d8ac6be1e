/** Tells the log how far the opening of a large file has come, without flooding it. */

import type { Logger } from '@ds/app-kit';
import type { ProgressListener } from '@ds/stream-file';

const REPORT_INTERVAL_MS = 2000;

const doing = {
  check: 'checking the stream file',
  index: 'indexing bookmarks',
} as const satisfies Record<Parameters<ProgressListener>[0], string>;

/** A listener that logs each step when it begins, and every two seconds while it lasts. */
export function openingProgress(logger: Logger, nowMs = (): number => performance.now()): ProgressListener {
  let current: keyof typeof doing | undefined;
  let reportedMs = 0;
  return (step, done, total) => {
    if (step === current && nowMs() - reportedMs < REPORT_INTERVAL_MS) return;
    current = step;
    reportedMs = nowMs();
    const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
    logger.info({ doneBytes: done, totalBytes: total, percent }, doing[step]);
  };
}
