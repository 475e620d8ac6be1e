/** What a relay can be told. */
import type { RetryOptions } from '@ds/client';
import type { Logger, PortOptions, ServerLimits, ServerObserver } from '@ds/server';
import type { StreamFileOptions } from '@ds/stream-file';

export interface StreamRelayOptions {
  /** The server to follow: `host:port` of its client port, or both apart. */
  readonly upstream: string | { readonly host: string; readonly port: number };
  /** The stream's type, as the upstream has it. Default 1, a sequencer's. */
  readonly streamType?: bigint;
  /** Path of the relay's own stream file. It is made if it is not there. */
  readonly path: string;
  /** How the file is opened. */
  readonly file?: Omit<StreamFileOptions, 'create'>;
  /** Where clients connect. */
  readonly clients: PortOptions;
  readonly limits?: Partial<ServerLimits>;
  /**
   * What to do when the file does not belong to the upstream's stream: `stop` with an error; `truncate` it to where both
   * are the same; or `restart` with an empty one. Default `stop`. A file of another system id, stream type or version
   * has nothing to be truncated to: `truncate` stops there too.
   */
  readonly onMismatch?: 'stop' | 'truncate' | 'restart';
  /** Time to connect, in milliseconds. Default 10 s. */
  readonly connectMs?: number;
  /** Time for the upstream to answer, in milliseconds. Default 10 s. */
  readonly answerMs?: number;
  /** When a lost upstream is tried again. Default: for ever, at least every 10 s. */
  readonly retry?: Partial<RetryOptions>;
  readonly logger?: Logger;
  /** Told what happens to clients, for metrics. */
  readonly observer?: ServerObserver;
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

/** The upstream's name in messages. */
export function upstreamName({ upstream }: StreamRelayOptions): string {
  return typeof upstream === 'string' ? upstream : `${upstream.host}:${upstream.port}`;
}
