/** A client that follows a stream as the published protocol has it, and starts again where it was when it is cut off. */
import { encodeCommand, FrameDecoder, serverPackets } from '@ds/codec';
import type { SimulatedSocket } from '@ds/test-kit';

import type { World } from './world.js';

export class Follower {
  readonly #world: World;
  readonly #address: { readonly host: string; readonly port: number };
  #receivedBytes = 0;
  #receivedEntries = 0n;
  #socket: SimulatedSocket | undefined;

  constructor(world: World, address: { readonly host: string; readonly port: number }) {
    this.#world = world;
    this.#address = address;
    this.#connect();
  }

  get isDone(): boolean {
    return this.#receivedBytes === this.#world.expected.bytes.length;
  }

  #connect(): void {
    const socket = this.#world.network.connect(this.#address, '10.0.9.9').setKeepAlive(true, 5_000);
    this.#socket = socket;
    const packets = new FrameDecoder(serverPackets);
    // An attempt that is never answered.
    const giveUp = setTimeout(() => socket.destroy(), 3_000);
    socket.once('connect', () => {
      socket.write(encodeCommand({ kind: 'start', fromEntry: this.#receivedEntries }, 1n));
    });
    socket.on('data', (chunk: Uint8Array) => {
      clearTimeout(giveUp);
      packets.push(chunk);
      for (let packet = packets.next(); packet; packet = packets.next()) {
        if (packet.kind === 'entries') this.#take(packet.batch.bytes, BigInt(packet.batch.count));
        else if (packet.kind !== 'result')
          this.#world.check.failed(new Error(`a client got a ${packet.kind}`));
      }
    });
    socket.on('error', () => undefined);
    socket.on('end', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(giveUp);
      if (this.#world.isOver) return;
      setTimeout(() => {
        this.#connect();
      }, 100);
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #take(bytes: Uint8Array, count: bigint): void {
    const expected = this.#world.expected.bytes.subarray(
      this.#receivedBytes,
      this.#receivedBytes + bytes.length,
    );
    if (Buffer.compare(bytes, expected) !== 0) {
      this.#world.check.failed(new Error(`a client got other bytes from entry ${this.#receivedEntries} on`));
    }
    this.#receivedBytes += bytes.length;
    this.#receivedEntries += count;
  }
}
