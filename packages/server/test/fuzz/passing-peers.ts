// A server without a network, to which peers come, say something, and go.
import { Duplex } from 'node:stream';

import { StreamFile } from '@ds/stream-file';
import { Random } from '@ds/test-kit';

import { identity } from '../../../stream-file/test/bytes.js';
import { SimulatedBookmarks } from '../../../stream-file/test/simulated-bookmarks.js';
import { SimulatedDisk } from '../../../stream-file/test/simulated-disk.js';
import { StreamServer, type BoundAddress } from '../../src/index.js';
import { clientInputs } from './clients.js';
import { sourceInputs } from './sources.js';

/** The server's end of a connection, whose peer takes all that it is sent. */
class PassingSocket extends Duplex {
  readonly remoteAddress: string;
  readonly remotePort = 4000;

  constructor(remoteAddress: string) {
    super({ allowHalfOpen: true });
    this.remoteAddress = remoteAddress;
  }

  override _read(): void {}

  override _write(_chunk: Uint8Array, _encoding: string, done: () => void): void {
    done();
  }

  setNoDelay(): void {}

  setKeepAlive(): void {}
}

type Accept = (socket: PassingSocket) => void;

export class PassingPeers implements AsyncDisposable {
  readonly #random = new Random();
  readonly #inputs = [clientInputs(this.#random), sourceInputs(this.#random)] as const;
  readonly #accept: Accept[] = [];
  #file!: StreamFile;
  #server!: StreamServer;
  #passed = 0;

  static async open(): Promise<PassingPeers> {
    const peers = new PassingPeers();
    peers.#file = await StreamFile.open('/data/stream.bin', {
      create: identity,
      disk: new SimulatedDisk(),
      openBookmarkStore: new SimulatedBookmarks().open,
      cachePages: 0,
    });
    const address: BoundAddress = { host: '10.0.0.1', port: 1 };
    peers.#server = await StreamServer.start({
      file: peers.#file,
      clients: address,
      source: address,
      listen: (bound, events) => {
        peers.#accept.push((socket) => {
          events.accepted(socket);
        });
        return Promise.resolve({ address: bound, close: () => Promise.resolve() });
      },
    });
    return peers;
  }

  /** So many peers, clients and sources in turn, each from an address of its own, until all are gone. */
  async pass(count: number): Promise<void> {
    let there = count;
    for (let nth = 0; nth < count; nth++) {
      const address = `10.${++this.#passed >> 16}.${(this.#passed >> 8) & 255}.${this.#passed & 255}`;
      const socket = new PassingSocket(address);
      socket.once('close', () => there--);
      this.#accept[nth & 1]!(socket);
      socket.push(this.#inputs[nth & 1]!.next());
      await new Promise(setImmediate);
      if (this.#random.chance(0.5)) socket.push(null);
      else socket.destroy();
    }
    while (there > 0) await new Promise(setImmediate);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
    await this.#file.close();
  }
}
