/** What a client can be told. */
import type { ConnectionOptions } from 'node:tls';

import { parseAddress, formatAddress, type ServerAddress } from './connecting/address.js';
import type { Dial } from './connecting/dial.js';
import type { RetryOptions } from './connecting/retry.js';
import { ClientError } from './errors.js';
import type { FollowState } from './following/state.js';

/** A server: `host:port`, `[IPv6]:port`, or both apart. */
type Server = string | ServerAddress;

/** How TLS is spoken: as for `tls.connect`. */
export type TlsOptions = Omit<ConnectionOptions, 'host' | 'port' | 'path' | 'socket' | 'timeout'>;

export interface StreamClientOptions {
  /**
   * The server; or several that hold the same stream. The first one is asked first, the next one when it cannot be
   * reached, is lost, or is behind what was already followed.
   */
  readonly server: Server | readonly Server[];
  /** Kind of stream. Default 1, a sequencer's. */
  readonly streamType?: bigint;
  /** Speaks TLS: `true` with Node's defaults, or as these options say. Default: plain TCP. */
  readonly tls?: boolean | TlsOptions;
  /** Shown to servers before anything else is asked, 1 to 4,096 bytes; text as UTF-8. Default: none. */
  readonly token?: string | Uint8Array;
  /** Time to connect, in milliseconds. Default 10 s. */
  readonly connectMs?: number;
  /** Time for the server to answer, and to send what it says that it has, in milliseconds. Default 10 s. */
  readonly answerMs?: number;
  /** A followed server that sends nothing for so many milliseconds is given up. Default 0: a stream may be quiet for ever. */
  readonly silenceMs?: number;
  /** Bytes of a connection's buffer: what is read at a time, and held for a slow consumer. Default 512 KiB. */
  readonly bufferBytes?: number;
  /** When a lost connection is made again while following. */
  readonly retry?: Partial<RetryOptions>;
  /** Told what becomes of connections. */
  readonly onState?: (state: FollowState) => void;
  /** @internal Tests put another network in place. */
  readonly dial?: Dial;
}

/** What the options are if they are not given. */
export const defaultOptions = {
  streamType: 1n,
  connectMs: 10_000,
  answerMs: 10_000,
  silenceMs: 0,
  bufferBytes: 512 << 10,
};

/**
 * The addresses of all servers, at least one.
 * @throws {ClientError} `bad-option`
 */
export function serverAddresses(server: StreamClientOptions['server']): readonly ServerAddress[] {
  const servers = isList(server) ? server : [server];
  if (servers.length === 0) throw new ClientError('bad-option', 'a client without a server');
  return servers.map((each) => parseAddress(typeof each === 'string' ? each : formatAddress(each)));
}

/** Longest time that a timer can be set to: above, it would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;
const BUFFER_BYTES_MAX = 1 << 30;

/** @throws {ClientError} `bad-option` for times and sizes that make no sense */
export function checkNumbers(options: StreamClientOptions): void {
  const { connectMs, answerMs, silenceMs, bufferBytes } = { ...defaultOptions, ...options };
  check('connectMs', connectMs, 1, TIMER_MS_MAX);
  check('answerMs', answerMs, 1, TIMER_MS_MAX);
  check('silenceMs', silenceMs, 0, TIMER_MS_MAX);
  check('bufferBytes', bufferBytes, 1, BUFFER_BYTES_MAX);
}

function check(name: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw new ClientError('bad-option', `${name} is ${value}: expected ${min} to ${max}`);
}

/** The token as bytes; undefined for none. */
export function tokenBytes({ token }: StreamClientOptions): Uint8Array | undefined {
  return typeof token === 'string' ? new TextEncoder().encode(token) : token;
}

function isList(server: StreamClientOptions['server']): server is readonly Server[] {
  return Array.isArray(server);
}
