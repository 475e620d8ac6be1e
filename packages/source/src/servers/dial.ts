/** How a connection is made: a port, so that tests can put another network in place. */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

import type { ServerAddress, TlsOptions } from '../options.js';

/** Begins to connect; calls `connected` when bytes can be sent. */
export type Dial = (address: ServerAddress, connected: () => void) => Duplex;

const KEEP_ALIVE_MS = 30_000;

export const dialTcp: Dial = (address, connected) => {
  const socket = connect({
    ...address,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  return socket.once('connect', connected);
};

export function dialTls(options: TlsOptions): Dial {
  return (address, connected) => {
    const socket = connectTls({ ...options, ...address });
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    return socket.once('secureConnect', connected);
  };
}

/** What an error of a socket means, where its own words would be about records and versions. */
export function problemOf(error: NodeJS.ErrnoException): string {
  const isPlain =
    error.code === 'ERR_SSL_WRONG_VERSION_NUMBER' || error.code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG';
  return isPlain ? 'the server does not speak TLS at this port' : error.message;
}
