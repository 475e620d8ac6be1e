/** How far an upstream is: what is on its way, or held back because the relay is slow, can't be told from what arrives. */
import { setInterval } from 'node:timers/promises';

import type { StreamClient } from '@ds/client';
import type { Header } from '@ds/codec';

/** Asks at an interval, on the client's own connection for queries, until the signal is aborted. */
export async function watchHead(
  upstream: Pick<StreamClient, 'header'>,
  intervalMs: number,
  signal: AbortSignal,
  onHeader: (header: Header) => void,
): Promise<void> {
  // An upstream that does not answer is found out by whoever follows it.
  const ignore = (): void => undefined;
  try {
    for await (const _ of setInterval(intervalMs, undefined, { signal, ref: false }))
      await upstream.header({ signal }).then(onHeader, ignore);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
