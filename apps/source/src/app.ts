/** `ds-source`: operations, blocks or a node's chain, fed into stream servers. */

import { setTimeout as sleep } from 'node:timers/promises';
import { connectAccess, defineApp, formatDurationMs, packageVersion, type AppContext } from '@ds/app-kit';
import type { StreamSource } from '@ds/source';
import { FeedError } from './errors.js';
import { Feed } from './feed.js';
import { openOperations } from './operations.js';
import { checkOptions, options, RESUME_PREFIX, resumeGiven, type SourceOptions } from './options.js';
import { showProgress } from './progress.js';
import { openSource, ServerWatch } from './servers.js';

export const app = defineApp({
  name: 'ds-source',
  version: packageVersion(import.meta.url),
  description: "Feeds operations, blocks or a node's chain into stream servers.",
  examples: [
    'ds-source --server 127.0.0.1:6901 --ops operations.jsonl',
    'zcat blocks.jsonl.gz | ds-source --server a:6901,b:6901 --blocks - --system-id 137',
    'ds-source --server 127.0.0.1:6901 --rpc http://127.0.0.1:8545 --from-block 1',
  ],
  options,
  check: checkOptions,
  async main(given, context) {
    const { logger, signal } = context;
    const halt = new AbortController();
    const halted = AbortSignal.any([signal, halt.signal]);
    const stop = (reason: unknown): void => {
      halt.abort(reason);
    };
    const haltedFirst = rejectionOf(halted);

    const access = await connectAccess(given);
    const resumeAccess = await connectAccess(resumeGiven(given), RESUME_PREFIX);
    const operationsFor = await openOperations(given, { logger, signal: halted, resumeAccess });
    const watch = new ServerWatch(logger, stop);
    // Storage is loaded by those who ask for it.
    await using outbox =
      given.outbox === undefined
        ? undefined
        : await (await import('./outbox.js')).openOutbox(given.outbox, given);
    const source = await Promise.race([openSource(given, access, outbox, watch), haltedFirst]);
    const feed = new Feed(source, stop);
    const endProgress = showProgress(feed, process.stderr);

    const sending = async (): Promise<void> => {
      for await (const operation of operationsFor(source)) await feed.send(operation);
    };
    const failures: unknown[] = [];
    try {
      await Promise.race([sending(), haltedFirst]);
    } catch (error) {
      if (!signal.aborted) failures.push(error);
    }
    try {
      await closeInTime(source, given, context);
    } catch (error) {
      failures.push(error);
    }
    await feed.settled();
    endProgress();
    await context.write(`${JSON.stringify(summaryOf(feed))}\n`);
    if (failures.length > 0) throw failures[0];
    if (given.quorum === 'all' && watch.leftOut.length > 0) {
      const reasons = watch.leftOut.map(({ message }) => message).join('; ');
      throw new FeedError('unacknowledged', `not every server has everything: ${reasons}`);
    }
  },
});

/** Waits until all is acknowledged; after a signal only for so long. */
async function closeInTime(
  source: StreamSource,
  given: SourceOptions,
  { stopped }: AppContext,
): Promise<void> {
  const late = stopped.then(async () => {
    await sleep(given.stopTimeout);
    const waited = formatDurationMs(given.stopTimeout);
    throw new FeedError(
      'unacknowledged',
      `the servers have not acknowledged all in ${waited} after the signal`,
    );
  });
  try {
    await Promise.race([source.close(), late]);
  } catch (error) {
    await source.abort();
    throw error;
  }
}

function summaryOf(feed: Feed): Record<string, number | string> {
  return {
    operations: feed.operations,
    entries: Number(feed.entries),
    firstEntry: String(feed.firstEntry),
    nextEntry: String(feed.nextEntry),
  };
}

/** Rejects with the signal's reason when it fires. */
function rejectionOf(signal: AbortSignal): Promise<never> {
  const rejection = new Promise<never>((_resolve, reject) => {
    const fire = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) fire();
    else signal.addEventListener('abort', fire, { once: true });
  });
  rejection.catch(() => undefined);
  return rejection;
}
