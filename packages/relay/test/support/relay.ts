/** Relays under test, at free ports, impatient, closed with the test. */
import { onTestFinished } from 'vitest';

import { StreamRelay, type StreamRelayOptions } from '../../src/index.js';
import { host, temporaryPath, until } from './stream.js';

export type Changes = Partial<StreamRelayOptions>;

/** What a relay logs at level `warn`. */
export interface Warning {
  readonly message: string;
  readonly fields: object;
}

/** Options of a relay, with a new file unless one is given. */
export async function relayOptions(
  upstream: StreamRelayOptions['upstream'],
  changes: Changes = {},
): Promise<StreamRelayOptions> {
  return {
    upstream,
    path: changes.path ?? (await temporaryPath('relay.bin')),
    file: { durability: 'os' },
    clients: { host, port: 0 },
    limits: { closeMs: 200 },
    retry: { firstMs: 2, longestMs: 20 },
    connectMs: 1_000,
    answerMs: 1_000,
    ...changes,
  };
}

export async function startRelay(
  upstream: StreamRelayOptions['upstream'],
  changes: Changes = {},
): Promise<StreamRelay> {
  const relay = await StreamRelay.start(await relayOptions(upstream, changes));
  onTestFinished(() => relay.close());
  return relay;
}

/** Where a relay's clients and further relays connect. */
export function addressOf(relay: StreamRelay): string {
  const { host: at, port } = relay.clientAddress;
  return `${at}:${port}`;
}

/** Waits until the relay has as many entries as the stream. */
export function caughtUp(relay: StreamRelay, stream: { header: { totalEntries: bigint } }): Promise<void> {
  return until(
    `a relay with ${relay.header.totalEntries} entries has the stream's ${stream.header.totalEntries}`,
    () => relay.header.totalEntries === stream.header.totalEntries,
  );
}

/** A logger, and the warnings that came to it. */
export function collectWarnings(): {
  warnings: Warning[];
  logger: NonNullable<StreamRelayOptions['logger']>;
} {
  const warnings: Warning[] = [];
  const ignore = (): void => undefined;
  return {
    warnings,
    logger: {
      debug: ignore,
      info: ignore,
      error: ignore,
      warn: (fields, message) => warnings.push({ message, fields }),
    },
  };
}
