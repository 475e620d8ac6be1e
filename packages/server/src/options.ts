/** What a server can be told, and what it does if it is not. Times are in milliseconds, sizes in bytes. */
import type { TlsFiles } from './ports/tls.js';

/** Where to listen, and who is let in. */
export interface PortOptions {
  /** Default: `0.0.0.0` for clients, `127.0.0.1` for sources. */
  readonly host?: string | undefined;
  /** 0 takes a free port. */
  readonly port: number;
  /** What a peer must show first, 1 to 4,096 bytes, text as UTF-8: a client in Authenticate, a source in OpenSource. */
  readonly token?: string | Uint8Array | undefined;
  /** With it, peers connect over TLS, 1.2 or later; else in the clear. */
  readonly tls?: TlsFiles | undefined;
}

/** Limits on what peers can cost. */
export interface ServerLimits {
  /** Client connections at once. Default 10,000. */
  readonly clientsMax: number;
  /** Client connections at once from one address. Default: as many as in all. */
  readonly clientsPerAddressMax: number;
  /** Source connections at once, of which one at a time can write. Default 16. */
  readonly sourcesMax: number;
  /** Time for a TLS handshake. Default 10 s. */
  readonly handshakeMs: number;
  /** Time for a first command to arrive whole. Default 10 s. */
  readonly firstCommandMs: number;
  /** Time for a command that has begun to arrive to be whole. Default 10 s. */
  readonly commandMs: number;
  /** Time without a command on a connection that is not streaming. A streaming connection is never idle. Default 10 min. */
  readonly idleMs: number;
  /** Entry, Bookmark, Start and StartBookmark of one client answered in a second; the next have to wait. Default 20,000. */
  readonly queriesPerSecondMax: number;
  /** Time in which a peer that has something to take has not taken a byte. Default 2 min. */
  readonly stallMs: number;
  /** Bytes handed to one client's socket ahead of what it has taken. Default 1 MiB. */
  readonly sendBytesMax: number;
  /** Time that open connections have to take what is on its way when the server closes. Default 5 s. */
  readonly closeMs: number;
}

export const defaultLimits: ServerLimits = {
  clientsMax: 10_000,
  clientsPerAddressMax: 10_000,
  sourcesMax: 16,
  handshakeMs: 10_000,
  firstCommandMs: 10_000,
  commandMs: 10_000,
  idleMs: 600_000,
  queriesPerSecondMax: 20_000,
  stallMs: 120_000,
  sendBytesMax: 1 << 20,
  closeMs: 5_000,
};

/** A logger: pino's fits. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
