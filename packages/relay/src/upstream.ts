/** The upstream as a relay sees it: asked until it answers, and lost without that being an error. */
import { ClientError, StreamClient, type FollowState } from '@ds/client';
import type { Header } from '@ds/codec';
import type { Logger } from '@ds/server';

import { loggerOf, type StreamRelayOptions } from './options.js';
import { Pause } from './pause.js';

/** A client that gives up when its connection is lost: whoever follows with it has to check what it comes back to. */
export function singleClient(
  options: StreamRelayOptions,
  onStreaming: (header: Header) => void,
): StreamClient {
  return makeClient({ ...options, retry: { attemptsMax: 0 } }, onStreaming);
}

/**
 * Reaches the upstream and asks it something, over again if it is lost meanwhile. Rejects at once when the signal is
 * aborted, whatever is being waited for.
 */
export async function askUpstream<T>(
  options: StreamRelayOptions,
  signal: AbortSignal,
  ask: (upstream: StreamClient, header: Header) => Promise<T>,
): Promise<T> {
  const pause = new Pause(options.retry);
  await using upstream = makeClient({
    ...options,
    retry: { attemptsMax: Number.POSITIVE_INFINITY, ...options.retry },
  });
  const close = (): void => void upstream.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      const header = await upstream.reach({ signal });
      try {
        return await ask(upstream, header);
      } catch (error) {
        if (!isLost(error) || !pause.goesOn) throw error;
        await pause.wait(signal);
      }
    }
  } finally {
    signal.removeEventListener('abort', close);
  }
}

/** Whether the upstream was not there, or has gone, which says nothing about its stream. */
function isLost(error: unknown): boolean {
  return error instanceof ClientError && ['connect', 'disconnected', 'timeout'].includes(error.code);
}

function makeClient(options: StreamRelayOptions, onStreaming?: (header: Header) => void): StreamClient {
  const { upstream, streamType, connectMs, answerMs, retry } = options;
  const logger = loggerOf(options);
  return new StreamClient({
    ...options.network?.client,
    server: upstream,
    ...(streamType !== undefined && { streamType }),
    ...(connectMs !== undefined && { connectMs }),
    ...(answerMs !== undefined && { answerMs }),
    ...(retry && { retry }),
    onState: (state) => {
      logState(logger, state);
      if ('header' in state) onStreaming?.(state.header);
    },
  });
}

function logState(logger: Logger, state: FollowState): void {
  switch (state.kind) {
    case 'connecting':
      logger.debug({ upstream: state.server }, 'connecting to upstream');
      break;
    case 'catching-up':
      logger.info({ upstream: state.server, totalEntries: state.header.totalEntries }, 'catching up');
      break;
    case 'live':
      logger.info({ upstream: state.server, totalEntries: state.header.totalEntries }, 'following live');
      break;
    case 'reconnecting':
      logger.warn({ upstream: state.server, reason: state.error.message }, 'upstream lost, trying again');
  }
}
