/** How an app is told what its stream file promises, and what memory it may take. */

import { field, formatDurationMs, type Options } from '@ds/app-kit';
import type { StreamFileOptions } from '@ds/stream-file';

const PAGE_BYTES = 1 << 20;

/** How the stream file is written and read. */
export const storageOptions = {
  durability: field.choice(['always', 'interval', 'os']).default('always').meta({
    description: 'when a commit counts: synced, synced at intervals, or handed to the system',
  }),
  syncInterval: field
    .duration({ min: 1, max: 60_000 })
    .default(50)
    .meta({ description: 'time between syncs with durability interval' }),
  cacheSize: field
    .size({ min: 2 << 20 })
    .default(32 << 20)
    .meta({ description: 'pages of the file kept in memory for readers, in whole MiB' }),
  writeBuffer: field
    .size({ min: 64 << 10 })
    .default(8 << 20)
    .meta({ description: 'commits waiting to be written, above which whoever sends them is held back' }),
  fileCloseTimeout: field.duration({ min: 1 }).default(30_000).meta({
    description: 'time that the disk has to close the file when the program ends, before that is killed',
  }),
};

/** What is said of a file that the disk does not let go of in time. */
export function notClosed(path: string, timeoutMs: number): string {
  return (
    `${path} is not closed after ${formatDurationMs(timeoutMs)}: the disk does not answer. Look at it; ` +
    `the file is recovered when it is opened again`
  );
}

/** What these options say, as a stream file takes it. */
export function storageOf(
  given: Options<typeof storageOptions>,
): Pick<StreamFileOptions, 'durability' | 'syncIntervalMs' | 'windowBytes' | 'cachePages'> {
  return {
    durability: given.durability,
    syncIntervalMs: given.syncInterval,
    windowBytes: given.writeBuffer,
    cachePages: Math.floor(given.cacheSize / PAGE_BYTES),
  };
}
