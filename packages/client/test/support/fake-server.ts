/** A server that does what a test says, right or wrong. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { onTestFinished } from 'vitest';
import {
  clientCommands,
  encodeHeader,
  encodeResult,
  FrameDecoder,
  result,
  type ClientCommand,
} from '@ds/codec';

import { goldenHeader } from '../../../codec/test/golden.js';

/** What a server does with a connection. `nth` counts connections from 0. */
type Behaviour = (socket: Socket, nth: number) => void;

export const OK = encodeResult(result(0));
export const headerAnswer = Buffer.concat([OK, encodeHeader(goldenHeader)]);

export class FakeServer {
  /** `host:port` */
  readonly address: string;
  readonly sockets: Socket[] = [];
  readonly #listener: Server;

  private constructor(listener: Server, address: string) {
    this.#listener = listener;
    this.address = address;
  }

  /** Listens; all goes with the test. */
  static async start(behaviour: Behaviour): Promise<FakeServer> {
    const listener = createServer({ noDelay: true });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const server = new FakeServer(listener, `127.0.0.1:${(listener.address() as AddressInfo).port}`);
    listener.on('connection', (socket) => {
      socket.on('error', () => undefined);
      server.sockets.push(socket);
      behaviour(socket, server.sockets.length - 1);
    });
    onTestFinished(() => {
      server.stop();
    });
    return server;
  }

  /** How many connections were made. */
  get connections(): number {
    return this.sockets.length;
  }

  stop(): void {
    this.#listener.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

/** Answers each command as a script says; undefined: not at all. */
export function answering(
  script: (command: ClientCommand, socket: Socket, nth: number) => Uint8Array | undefined,
): Behaviour {
  return (socket, nth) => {
    const decoder = new FrameDecoder(clientCommands(1n));
    socket.on('data', (chunk) => {
      decoder.push(chunk);
      for (let command = decoder.next(); command; command = decoder.next()) {
        const answer = script(command, socket, nth);
        if (answer) socket.write(answer);
      }
    });
  };
}
