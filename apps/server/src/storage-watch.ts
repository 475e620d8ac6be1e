/** Notices that the stream file can't be written any more, and says so once. Clients are still served what it holds. */

import type { Logger } from '@ds/app-kit';
import type { StreamFile } from '@ds/stream-file';

const WATCH_INTERVAL_MS = 1000;

/** Looks once a second; the function returned ends that. */
export function watchStorage(
  file: Pick<StreamFile, 'failure' | 'path' | 'header'>,
  logger: Logger,
): () => void {
  const timer = setInterval(() => {
    const { failure, path } = file;
    if (failure === undefined) return;
    clearInterval(timer);
    logger.fatal(
      { err: failure, path, totalEntries: file.header.totalEntries },
      'storage has failed: nothing more is written, reads go on; mend the disk and restart',
    );
  }, WATCH_INTERVAL_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
