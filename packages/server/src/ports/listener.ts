/**
 * The network, as this package needs it: a port, so that tests can put one in its place whose connections stall, break
 * and go silent.
 */
import { createServer, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

/** What is asked of a connection: a TCP socket's, or a TLS one's. */
export interface ByteSocket extends Duplex {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  setNoDelay(on: boolean): unknown;
  setKeepAlive(on: boolean, initialDelayMs: number): unknown;
}

/** An address that is listened on. */
export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

/** What accepts connections. */
export interface Listener {
  readonly address: BoundAddress;
  /** Accepts no more; resolves when all connections that were accepted are gone. */
  close(): Promise<void>;
}

interface ListenerEvents {
  accepted(socket: ByteSocket): void;
  /** A connection could not be accepted; later ones can. */
  failed(error: Error): void;
}

/** Listens on an address; rejects if that cannot be done. Connections stay half open when the peer ends its side. */
export type Listen = (address: BoundAddress, events: ListenerEvents) => Promise<Listener>;

/** Listens on a TCP port; port 0 takes a free one. */
export const listenTcp: Listen = async ({ host, port }, events) => {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    events.accepted(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  server.removeAllListeners('error');
  server.on('error', (error) => {
    events.failed(error);
  });
  const bound = server.address() as AddressInfo;
  return {
    address: { host: bound.address, port: bound.port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  };
};
