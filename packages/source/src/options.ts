/** What a source can be told. Times are in milliseconds, sizes in bytes. */
import type { ConnectionOptions } from 'node:tls';

import type { SourceError } from './errors.js';
import type { Outbox } from './outbox/outbox.js';
import type { Dial } from './servers/dial.js';

/** Where a server is. */
export interface ServerAddress {
  /** Name or IP address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** How TLS is spoken: as for `tls.connect`. */
export type TlsOptions = Omit<ConnectionOptions, 'host' | 'port' | 'path' | 'socket' | 'timeout'>;

/** When a lost connection is made again: after waits that double, each by chance between half of it and all of it. */
export interface RetryOptions {
  /** First wait, in milliseconds. Default 100. */
  readonly firstMs: number;
  /** Longest wait, in milliseconds. Default 5,000. */
  readonly longestMs: number;
}

/** A server's source port: `host:port`, `[IPv6]:port`, or both apart. */
type Server = string | ServerAddress;

export interface StreamSourceOptions {
  /** The servers to feed, all of them: their source ports. */
  readonly servers: Server | readonly Server[];
  /** The stream's system id, such as a chain id. A u64. */
  readonly systemId: bigint;
  /** The stream's type. A u64. Default 1, a sequencer's. */
  readonly streamType?: bigint | undefined;
  /**
   * Fences off sources with a lower one. A u64. Default: the time in milliseconds since 1970, so that the source started
   * last writes.
   */
  readonly epoch?: bigint | undefined;
  /** Shown to servers that ask for one, at most 4,096 bytes; text as UTF-8. Default: none. */
  readonly token?: string | Uint8Array | undefined;
  /** Speaks TLS: `true` with Node's defaults, or as these options say. Default: plain TCP. */
  readonly tls?: boolean | TlsOptions | undefined;
  /**
   * Keeps all operations, so that none is lost when source and servers end together: a `StreamFile` of `@ds/stream-file` that
   * holds the stream whole. A commit is sent once it is durable there. The source does not close it.
   */
  readonly outbox?: Outbox | undefined;
  /** How many servers must have a commit before it is acknowledged; with an outbox also 0. Default `all`. */
  readonly quorum?: 'all' | 'any' | number | undefined;
  /** Bytes of unacknowledged operations above which `startAtomicOp` waits. Default 16 MiB. */
  readonly windowBytes?: number | undefined;
  /** Largest operation, in bytes as sent. Default 256 MiB. */
  readonly operationBytesMax?: number | undefined;
  /**
   * Bytes of acknowledged operations kept in memory for servers that are behind; one further behind is fed from the outbox, or
   * left out if there is none. Default 64 MiB.
   */
  readonly keptBytesMax?: number | undefined;
  /** Time to connect, in milliseconds. Default 10 s. */
  readonly connectMs?: number | undefined;
  /** Time without an answer while one is awaited, in milliseconds. Default 30 s. */
  readonly answerMs?: number | undefined;
  /** Time in which a first server must be reached, in milliseconds. Default 30 s. */
  readonly openMs?: number | undefined;
  /** When a lost connection is made again. */
  readonly retry?: { readonly [Name in keyof RetryOptions]?: RetryOptions[Name] | undefined } | undefined;
  /** Told what becomes of each server. */
  readonly onServerState?: ((state: ServerState) => void) | undefined;
  /** @internal Tests put another network in place. */
  readonly dial?: Dial;
}

/** What becomes of one server. `server` is `host:port`. */
export type ServerState =
  /** It takes operations, and has this many entries. */
  | { readonly kind: 'connected'; readonly server: string; readonly totalEntries: bigint }
  /** It is not there, and will be tried again. */
  | { readonly kind: 'disconnected'; readonly server: string; readonly error: SourceError }
  /** It is given up, and gets nothing any more. */
  | { readonly kind: 'left-out'; readonly server: string; readonly error: SourceError };
