/**
 * The network, as this package needs it: a port, so that tests can put one in its place whose connections stall, break
 * and go silent.
 */
import { createServer, type AddressInfo, type Server, type ServerOpts } from 'node:net';
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
export const listenTcp: Listen = async (address, events) => {
  const { server, bound } = await listenOn(address, events, { noDelay: true });
  return {
    address: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  };
};

/** As `listenTcp`, but nothing of a connection is read, and closing waits for none: they are for other processes. */
export const listenTcpForOthers: Listen = async (address, events) => {
  const { server, bound } = await listenOn(address, events, { pauseOnConnect: true });
  return {
    address: bound,
    close: () => {
      server.close();
      return Promise.resolve();
    },
  };
};

async function listenOn(
  { host, port }: BoundAddress,
  events: ListenerEvents,
  options: ServerOpts,
): Promise<{ server: Server; bound: BoundAddress }> {
  const server = createServer({ allowHalfOpen: true, ...options }, (socket) => {
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
  return { server, bound: { host: bound.address, port: bound.port } };
}
