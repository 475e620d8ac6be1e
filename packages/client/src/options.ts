/** What a client can be told. */
import type { ConnectionOptions } from 'node:tls';

import type { ServerAddress } from './connecting/address.js';
import type { Dial } from './connecting/dial.js';
import type { RetryOptions } from './connecting/retry.js';
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
  /** The stream's type. A u64. Default 1, a sequencer's. */
  readonly streamType?: bigint | undefined;
  /** Speaks TLS: `true` with Node's defaults, or as these options say. Default: plain TCP. */
  readonly tls?: boolean | TlsOptions | undefined;
  /** Shown to servers before anything else is asked, at most 4,096 bytes; text as UTF-8. Default, and if empty: none. */
  readonly token?: string | Uint8Array | undefined;
  /** Time to connect, in milliseconds. Default 10 s. */
  readonly connectMs?: number | undefined;
  /** Time for the server to answer, and to send what it says that it has, in milliseconds. Default 10 s. */
  readonly answerMs?: number | undefined;
  /** A followed server that sends nothing for so many milliseconds is given up. Default 0: a stream may be quiet for ever. */
  readonly silenceMs?: number | undefined;
  /** Bytes of a connection's buffer: what is read at a time, and held for a slow consumer. Default 512 KiB. */
  readonly bufferBytes?: number | undefined;
  /** When a lost connection is made again while following. */
  readonly retry?: { readonly [Name in keyof RetryOptions]?: RetryOptions[Name] | undefined } | undefined;
  /** Told what becomes of connections. */
  readonly onState?: ((state: FollowState) => void) | undefined;
  /** @internal Tests put another network in place. */
  readonly dial?: Dial;
}
