/**
 * How a connection is made, and how its bytes come in: a port, so that tests can put another network in place.
 *
 * Plain TCP is read into one buffer, over and over, which is several times as fast as a buffer for each read. TLS brings
 * buffers of its own.
 */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

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

/** Dials over TLS. */
export function dialTls(options: TlsOptions): Dial {
  return (address, { connected, received }) => {
    const socket = connectTls({ ...options, ...address });
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    return socket.once('secureConnect', connected).on('data', received);
  };
}

/** What an error of a socket means, where its own words would be about records and versions. */
export function problemOf(error: NodeJS.ErrnoException): string {
  const isPlain =
    error.code === 'ERR_SSL_WRONG_VERSION_NUMBER' || error.code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG';
  return isPlain ? 'the server does not speak TLS at this port' : error.message;
}
