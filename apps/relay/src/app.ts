/** `ds-relay`: follows a server or another relay into a stream file of its own, and serves that to clients. */

import { connectAccess, defineApp, packageVersion, withinTime } from '@ds/app-kit';
import { RelayError, StreamRelay, type StreamRelayOptions } from '@ds/relay';
import {
  clientAccessOf,
  limitsOf,
  Monitor,
  notClosed,
  openingProgress,
  storageOf,
  workersOf,
} from '@ds/serving-kit';
import { checkOptions, options } from './options.js';

export const app = defineApp({
  name: 'ds-relay',
  version: packageVersion(import.meta.url),
  description: 'Follows a server, or another relay, and serves what it gets to clients of its own.',
  examples: [
    'ds-relay --upstream ds.example.org:6900 --file /var/lib/ds/relay.bin',
    'ds-relay --upstream a.example.org:6900,b.example.org:6900 --tls --token-file token --file relay.bin',
    'ds-relay --upstream 10.0.0.7:7900 --file relay.bin --port 7901 --on-mismatch truncate',
  ],
  options,
  check: checkOptions,
  async main(given, { logger, ready, signal, stopped }) {
    await using monitor = await Monitor.start(given, logger, { hasUpstream: true });
    const relay = await start(
      {
        upstream: given.upstream,
        ...(await connectAccess(given)),
        streamType: given.streamType,
        path: given.file,
        file: {
          ...storageOf(given),
          onProgress: openingProgress(logger),
          ...(monitor && { observer: monitor.storageObserver }),
        },
        clients: { host: given.host, port: given.port, ...(await clientAccessOf(given)) },
        ...workersOf(given),
        limits: limitsOf(given),
        onMismatch: given.onMismatch,
        connectMs: given.connectTimeout,
        answerMs: given.answerTimeout,
        retry: { longestMs: given.retryInterval },
        ...(monitor && { headIntervalMs: given.headInterval }),
        logger,
        ...(monitor && { observer: monitor.serverObserver }),
      },
      signal,
    );
    if (!relay) return;
    try {
      monitor?.watch({
        file: relay,
        server: {
          clients: () => relay.clients(),
          get workers() {
            return relay.workers;
          },
          sourceCount: 0,
        },
        unready: () => unreadiness(relay, given.readyBehindMax),
        upstreamEntries: () => relay.upstreamEntries,
      });
      ready({ clients: relay.clientAddress, ...(monitor && { metrics: monitor.address }) });
      await Promise.race([stopped, relay.finished]);
    } finally {
      monitor?.watch(undefined);
      const { closeTimeout, fileCloseTimeout } = given;
      const timeoutMs = closeTimeout + fileCloseTimeout;
      await withinTime(relay.close(), timeoutMs, notClosed(given.file, timeoutMs));
    }
    logger.info({ path: given.file }, 'closed');
  },
});

/** Why clients should rather go elsewhere. */
function unreadiness(
  { following, header, upstreamEntries }: StreamRelay,
  behindMax: number,
): string | undefined {
  if (!following) return 'the upstream is not followed';
  if (upstreamEntries === undefined) return 'the upstream has not said how many entries it has';
  const behind = upstreamEntries - header.totalEntries;
  return behind > BigInt(behindMax) ? `${behind} entries behind the upstream` : undefined;
}

/** Starts the relay; undefined if it is told to end while it still waits for its upstream. */
async function start(relay: StreamRelayOptions, signal: AbortSignal): Promise<StreamRelay | undefined> {
  try {
    return await StreamRelay.start(relay, signal);
  } catch (error) {
    if (signal.aborted && error instanceof RelayError && error.code === 'closed') return undefined;
    throw error;
  }
}
