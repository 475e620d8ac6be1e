/** What a source can be told. Times are in milliseconds, sizes in bytes. */
import type { ConnectionOptions } from 'node:tls';

import { SourceError } from './errors.js';
import type { Outbox } from './outbox/outbox.js';
import type { Dial } from './servers/dial.js';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** How TLS is spoken: as for `tls.connect`. */
export type TlsOptions = Omit<ConnectionOptions, 'host' | 'port' | 'path' | 'socket' | 'timeout'>;

/** When a lost connection is made again: after waits that double, each by chance between half of it and all of it. */
export interface RetryOptions {
  /** Default 100. */
  readonly firstMs: number;
  /** Default 5,000. */
  readonly longestMs: number;
}

export interface StreamSourceOptions {
  /** The servers to feed, each `host:port` or both apart: their source ports. */
  readonly servers: readonly (string | ServerAddress)[];
  /** The stream's system id, such as a chain id. A u64. */
  readonly systemId: bigint;
  /** The stream's type. Default 1, a sequencer's. */
  readonly streamType?: bigint;
  /** Fences off sources with a lower one. A u64. Default: the time in ms, so that the source started last writes. */
  readonly epoch?: bigint;
  /** What the servers ask for, at most 4,096 bytes; text as UTF-8. */
  readonly token?: string | Uint8Array;
  /** Speaks TLS: `true` with Node's defaults, or as these options say. Default: plain TCP. */
  readonly tls?: boolean | TlsOptions;
  /**
   * Keeps all operations, so that none is lost when source and servers end together: a `StreamFile` of `@ds/stream-file` that
   * holds the stream whole. A commit is sent once it is durable there. The source does not close it.
   */
  readonly outbox?: Outbox;
  /** How many servers must have a commit before it is acknowledged; with an outbox also 0. Default `all`. */
  readonly quorum?: 'all' | 'any' | number;
  /** Bytes of unacknowledged operations above which `startAtomicOp` waits. Default 16 MiB. */
  readonly windowBytes?: number;
  /** Largest operation, in bytes as sent. Default 256 MiB. */
  readonly operationBytesMax?: number;
  /**
   * Bytes of acknowledged operations kept in memory for servers that are behind; one further behind is fed from the outbox, or
   * left out if there is none. Default 64 MiB.
   */
  readonly keptBytesMax?: number;
  /** Time to connect. Default 10 s. */
  readonly connectMs?: number;
  /** Time without an answer while one is awaited. Default 30 s. */
  readonly answerMs?: number;
  /** Time in which a first server must be reached. Default 30 s. */
  readonly openMs?: number;
  readonly retry?: Partial<RetryOptions>;
  /** Told what becomes of each server. */
  readonly onServerState?: (state: ServerState) => void;
  /** @internal Tests put another network in place. */
  readonly dial?: Dial;
}

/** What becomes of one server. */
export type ServerState =
  /** It takes operations, and has this many entries. */
  | { readonly kind: 'connected'; readonly server: string; readonly totalEntries: bigint }
  /** It is not there, and will be tried again. */
  | { readonly kind: 'disconnected'; readonly server: string; readonly error: SourceError }
  /** It is given up, and gets nothing any more. */
  | { readonly kind: 'left-out'; readonly server: string; readonly error: SourceError };

/**
 * An address, or one from `host:port`; an IPv6 address stands in brackets.
 * @throws {SourceError} `bad-option`
 */
export function parseAddress(address: string | ServerAddress): ServerAddress {
  const { host, port } = typeof address === 'string' ? splitAddress(address) : address;
  if (host !== '' && Number.isInteger(port) && port > 0 && port <= 0xffff) return { host, port };
  const given = typeof address === 'string' ? address : `${host}:${port}`;
  throw new SourceError('bad-option', `"${given}" is no server address: expected host:port`);
}

function splitAddress(text: string): ServerAddress {
  const [, bracketed, plain = '', port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  return { host: bracketed ?? plain, port: Number(port) };
}
