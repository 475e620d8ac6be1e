/** A network that fails: passes bytes between clients and a server, and cuts connections where a test says. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import { onTestFinished } from 'vitest';

export interface ProxyOptions {
  /** Port of the server, for each connection anew. */
  readonly port: (nth: number) => number;
  /** Bytes from the server after which the connection is cut; undefined: never. */
  readonly cutAfter: (nth: number) => number | undefined;
}

export class CuttingProxy {
  /** `host:port` */
  readonly address: string;
  readonly #counts: { connections: number; bytes: number };

  private constructor(address: string, counts: { connections: number; bytes: number }) {
    this.address = address;
    this.#counts = counts;
  }

  /** Listens; all goes with the test. */
  static async start({ port, cutAfter }: ProxyOptions): Promise<CuttingProxy> {
    const counts = { connections: 0, bytes: 0 };
    const sockets = new Set<Socket>();
    const listener = createServer((client) => {
      const nth = counts.connections++;
      const server = connect({ host: '127.0.0.1', port: port(nth) });
      let left = cutAfter(nth) ?? Infinity;
      const end = (): void => {
        client.destroySoon();
        server.destroy();
      };
      for (const socket of [client, server]) {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', end);
      }
      client.pipe(server);
      server.on('data', (chunk) => {
        const part = chunk.subarray(0, left);
        left -= part.length;
        counts.bytes += part.length;
        if (!client.write(part)) {
          server.pause();
          client.once('drain', () => server.resume());
        }
        if (left === 0) end();
      });
      if (left === 0) end();
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    onTestFinished(() => {
      listener.close();
      for (const socket of sockets) socket.destroy();
    });
    return new CuttingProxy(`127.0.0.1:${(listener.address() as AddressInfo).port}`, counts);
  }

  /** Connections made. */
  get connections(): number {
    return this.#counts.connections;
  }

  /** Bytes taken from servers. */
  get bytes(): number {
    return this.#counts.bytes;
  }
}
