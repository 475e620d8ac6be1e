/** A way to a server that can be cut, held up, and slowed down, at any byte and in either direction. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import { onTestFinished } from 'vitest';

export class Proxy {
  /** Bytes that each new connection carries in each direction before it is cut. */
  budget: () => { readonly up: number; readonly down: number } = () => ({ up: Infinity, down: Infinity });
  /** Whether messages to the server, and its answers, get through; what is held is lost when the connection is cut. */
  readonly passes = { up: true, down: true };
  /** How fast messages reach the server. */
  bytesPerSecond = Infinity;
  #connections = 0;
  /** When what has passed would have passed at that speed. */
  #freeAtMs = 0;
  readonly #sockets = new Set<Socket>();
  readonly #held = { up: [] as (() => void)[], down: [] as (() => void)[] };

  /** Starts a proxy; it goes with the test. */
  static async start(target: () => number): Promise<Proxy & { readonly address: string }> {
    const proxy = new Proxy();
    const listener = createServer((socket) => {
      proxy.#carry(socket, target());
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    onTestFinished(() => {
      proxy.cut();
      listener.close();
    });
    return Object.assign(proxy, { address: `127.0.0.1:${(listener.address() as AddressInfo).port}` });
  }

  /** Connections that were made so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Ends all connections at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#held.up = [];
    this.#held.down = [];
  }

  /** Lets everything through again, what was held first. */
  release(): void {
    this.passes.up = true;
    this.passes.down = true;
    for (const pass of [...this.#held.up.splice(0), ...this.#held.down.splice(0)]) pass();
  }

  #carry(source: Socket, port: number): void {
    this.#connections++;
    const server = connect({ port, host: '127.0.0.1', noDelay: true });
    const budget = this.budget();
    this.#pump('up', source, server, budget.up);
    this.#pump('down', server, source, budget.down);
  }

  #pump(direction: 'up' | 'down', from: Socket, to: Socket, budget: number): void {
    this.#sockets.add(from);
    let left = budget;
    from.setNoDelay(true);
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.on('data', (chunk) => {
      const pass = (): void => {
        to.write(chunk.subarray(0, left));
        left -= chunk.length;
        if (left < 0) to.end(() => from.destroy());
        if (direction === 'up' && this.bytesPerSecond !== Infinity) this.#slowDown(from, chunk.length);
      };
      if (this.passes[direction]) pass();
      else this.#held[direction].push(pass);
    });
  }

  /** Takes nothing more until it is time for it. */
  #slowDown(from: Socket, bytes: number): void {
    from.pause();
    this.#freeAtMs = Math.max(this.#freeAtMs, performance.now()) + (bytes / this.bytesPerSecond) * 1000;
    setTimeout(() => from.resume(), this.#freeAtMs - performance.now());
  }
}
