/** How a connection is made: a port, so that tests can put another network in place. */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, createSecureContext } from 'node:tls';

import type { ServerAddress, TlsOptions } from '../options.js';

/** Begins to connect; calls `connected` when bytes can be sent. */
export type Dial = (address: ServerAddress, connected: () => void) => Duplex;

const KEEP_ALIVE_MS = 30_000;

/** Dials over TCP. */
export const dialTcp: Dial = (address, connected) => {
  const socket = connect({
    ...address,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  return socket.once('connect', connected);
};

/** Dials over TLS. Throws if a certificate or a key cannot be read. */
export function dialTls(options: TlsOptions): Dial {
  const secureContext = options.secureContext ?? createSecureContext(options);
  return (address, connected) => {
    const socket = connectTls({ ...options, secureContext, ...address });
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    return socket.once('secureConnect', connected);
  };
}

/** What OpenSSL's errors have beside Node's. */
interface TlsError extends NodeJS.ErrnoException {
  /** What has happened, without OpenSSL's file and line. */
  readonly reason?: string;
}

/** That nobody who is trusted has signed a certificate, in OpenSSL's words for it. */
const UNKNOWN_AUTHORITY = /SELF_SIGNED_CERT|^UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT)/;

/** What an error of a socket means, where its own words would be about records and versions. */
export function problemOf({ code = '', reason, message }: TlsError): string {
  const isPlain = code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG';
  if (isPlain) return 'the server does not speak TLS at this port';
  const hint = UNKNOWN_AUTHORITY.test(code) ? ': is the authority that has signed it given?' : '';
  return `${reason ?? message}${hint}`;
}

/** What becomes known when a server ends a connection before it has said anything: what it is may be in doubt. */
export function endedUnanswered(isTls: boolean): string {
  const doubt = isTls ? 'does it want a certificate, or another one?' : 'does it speak TLS at this port?';
  return `the server has ended the connection without a word: ${doubt}`;
}

/** Whether the other side has ended a connection, without having read all that it was sent. */
export function isReset({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE';
}
