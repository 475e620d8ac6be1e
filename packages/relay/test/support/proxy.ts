/** A TCP proxy between a relay and its upstream: cuts connections, and knows what was asked on them. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { onTestFinished } from 'vitest';
import { clientCommands, FrameDecoder, type ClientCommand } from '@ds/codec';

import { host } from './stream.js';

export class Proxy {
  /** Commands that went to the upstream, in order, of all connections. */
  readonly commands: ClientCommand[] = [];
  /** Connections that were made. */
  connections = 0;
  readonly #upstream: { port: number };
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  /** How many bytes from the upstream a new connection lets through before it is cut. */
  readonly #bytesUntilCut: () => number;

  private constructor(upstream: { port: number }, bytesUntilCut: () => number) {
    this.#upstream = upstream;
    this.#bytesUntilCut = bytesUntilCut;
    this.#listener = createServer((socket) => {
      this.#accept(socket);
    });
  }

  static async start(
    upstream: { port: number },
    bytesUntilCut: () => number = () => Number.POSITIVE_INFINITY,
  ): Promise<Proxy> {
    const proxy = new Proxy(upstream, bytesUntilCut);
    await new Promise<void>((resolve) => proxy.#listener.listen(0, host, resolve));
    onTestFinished(() => proxy.close());
    return proxy;
  }

  get address(): string {
    return `${host}:${(this.#listener.address() as AddressInfo).port}`;
  }

  /** Cuts all connections; new ones can be made. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#listener.close(resolve));
    this.cut();
    await closed;
  }

  #accept(down: Socket): void {
    this.connections++;
    const up = connect(this.#upstream.port, host);
    const decoder = new FrameDecoder(clientCommands(1n));
    let left = this.#bytesUntilCut();
    const end = (): void => {
      down.destroy();
      up.destroy();
      this.#sockets.delete(down);
    };
    this.#sockets.add(down);
    for (const socket of [down, up]) socket.on('error', end).on('close', end);
    down.on('data', (chunk) => {
      decoder.push(chunk);
      for (let each = decoder.next(); each; each = decoder.next()) this.commands.push(each);
      up.write(chunk);
    });
    up.on('data', (chunk) => {
      if (chunk.length < left) {
        left -= chunk.length;
        if (!down.write(chunk)) {
          up.pause();
          down.once('drain', () => up.resume());
        }
        return;
      }
      down.end(chunk.subarray(0, left));
      left = 0;
      up.destroy();
    });
  }
}
