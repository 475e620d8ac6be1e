/** What a relay can be told. */
import type { StreamClientOptions } from '@ds/client';
import type { Logger, PortOptions, ServerObserver, StreamServerOptions, WorkerOptions } from '@ds/server';
import type { StreamFileOptions } from '@ds/stream-file';

import { RelayError } from './errors.js';

/** A server's port for clients: `host:port`, or both apart. */
export type UpstreamAddress = string | { readonly host: string; readonly port: number };

/** How an upstream is spoken to is told as a client is told. */
type Connecting = Pick<StreamClientOptions, 'streamType' | 'tls' | 'token' | 'connectMs' | 'answerMs'>;

export interface StreamRelayOptions extends Connecting {
  /**
   * The server to follow; or several that hold the same stream. The first one is followed, the next one when it cannot be
   * reached, is lost, or does not hold all that the relay has.
   */
  readonly upstream: UpstreamAddress | readonly UpstreamAddress[];
  /** Path of the relay's own stream file. It is made if it is not there. */
  readonly path: string;
  /** How the file is opened. */
  readonly file?: Omit<StreamFileOptions, 'create'> | undefined;
  /** Where clients connect. */
  readonly clients: PortOptions;
  /** With it, clients are served by processes of their own. Without, by this one. */
  readonly workers?: WorkerOptions | undefined;
  /** What clients may cost. */
  readonly limits?: StreamServerOptions['limits'];
  /**
   * What to do when the file does not belong to the stream of any upstream: `stop` with an error; `truncate` it to where
   * it is the same as the first one's; or `restart` with an empty one. Default `stop`. A file of another system id, stream
   * type or version has nothing to be truncated to: `truncate` stops there too.
   */
  readonly onMismatch?: 'stop' | 'truncate' | 'restart' | undefined;
  /**
   * How often the upstream is asked how many entries it has, for `upstreamEntries`, in milliseconds; on a connection of its
   * own. Unless it is given, that is known only of when the connection was made.
   */
  readonly headIntervalMs?: number | undefined;
  /** When a lost upstream is tried again. Default: for ever, at least every 10 s. */
  readonly retry?: StreamClientOptions['retry'];
  /** Default: nothing is logged. */
  readonly logger?: Logger | undefined;
  /** Told what happens to clients, for metrics. */
  readonly observer?: ServerObserver | undefined;
  /** @internal Options of the client and of the server by which tests put another network in place. */
  readonly network?: { readonly client: object; readonly server: object };
}

const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Where a relay with these options logs. */
export function loggerOf({ logger = silentLogger }: StreamRelayOptions): Logger {
  return logger;
}

/** Longest time that a timer can be set to: above, it would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** @throws {RelayError} `bad-option` for what no part of the relay would refuse */
export function checkOptions({ headIntervalMs }: StreamRelayOptions): void {
  if (headIntervalMs === undefined || (headIntervalMs >= 1 && headIntervalMs <= TIMER_MS_MAX)) return;
  const message = `headIntervalMs is ${headIntervalMs}: expected 1 to ${TIMER_MS_MAX}`;
  throw new RelayError('bad-option', message);
}

/** All upstreams, in the order in which they are tried. */
export function upstreamsOf({ upstream }: StreamRelayOptions): readonly UpstreamAddress[] {
  return isList(upstream) ? upstream : [upstream];
}

function isList(upstream: StreamRelayOptions['upstream']): upstream is readonly UpstreamAddress[] {
  return Array.isArray(upstream);
}
