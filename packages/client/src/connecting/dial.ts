/**
 * How a connection is made, and how its bytes come in: a port, so that tests can put another network in place.
 *
 * Plain TCP is read into one buffer, over and over, which is several times as fast as a buffer for each read. TLS brings
 * buffers of its own.
 */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, createSecureContext } from 'node:tls';

import type { TlsOptions } from '../options.js';
import type { ServerAddress } from './address.js';

interface DialEvents {
  /** Bytes can be sent from now on. */
  readonly connected: () => void;
  /** Bytes have come. They are valid until this returns or, if it pauses the socket, until the socket is resumed. */
  readonly received: (bytes: Uint8Array) => void;
}

/** Begins to connect. */
export type Dial = (address: ServerAddress, events: DialEvents) => Duplex;

const KEEP_ALIVE_MS = 30_000;

/** Dials over TCP. */
export function dialTcp(bufferBytes: number): Dial {
  return (address, { connected, received }) => {
    const buffer = new Uint8Array(Buffer.allocUnsafeSlow(bufferBytes).buffer);
    const callback = (count: number): boolean => {
      received(buffer.subarray(0, count));
      return true;
    };
    const socket = connect({
      ...address,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      onread: { buffer, callback },
    });
    return socket.once('connect', connected);
  };
}

/** Dials over TLS. Throws if a certificate or a key cannot be read. */
export function dialTls(options: TlsOptions): Dial {
  const secureContext = options.secureContext ?? createSecureContext(options);
  return (address, { connected, received }) => {
    const socket = connectTls({ ...options, secureContext, ...address });
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    return socket.once('secureConnect', connected).on('data', received);
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
