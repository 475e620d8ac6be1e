/** The other end of a connection, byte by byte: a test sends what it likes, and sees what comes and when it ends. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { onTestFinished } from 'vitest';
import { FrameDecoder, serverPackets, type ServerPacket } from '@ds/codec';
import { certificates } from '@ds/test-kit';

import { concat } from '../../src/concat.js';
import type { BoundAddress } from '../../src/index.js';

export class Peer {
  readonly socket: Socket;
  readonly #received: Uint8Array[] = [];
  #receivedBytes = 0;
  #totalBytes = 0;
  #ended = false;
  #closed = false;
  #watchers: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#received.push(chunk);
      this.#receivedBytes += chunk.length;
      this.#totalBytes += chunk.length;
      this.#change();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#change();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed = true;
      this.#change();
    });
  }

  /** Connects; the connection goes with the test. It stays half open when the server ends it. */
  static async connect({ port }: Pick<BoundAddress, 'port'>, localAddress = '127.0.0.1'): Promise<Peer> {
    const socket = connect({ host: '127.0.0.1', port, localAddress, allowHalfOpen: true, noDelay: true });
    onTestFinished(() => void socket.destroy());
    const peer = new Peer(socket);
    await once(socket, 'connect');
    return peer;
  }

  /** Connects over TLS, as `options` say, to a server that `authority` vouches for. */
  static async connectTls(
    { port }: Pick<BoundAddress, 'port'>,
    options: ConnectionOptions = {},
  ): Promise<Peer> {
    const ca = certificates.authority;
    const socket = connectTls({ host: '127.0.0.1', port, ca, ...options });
    socket.allowHalfOpen = true;
    onTestFinished(() => void socket.destroy());
    const peer = new Peer(socket);
    await once(socket, 'secureConnect');
    return peer;
  }

  /** Whether the server has ended its side. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the connection is gone. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes that have come and that nobody has taken. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Bytes that have come at all. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Sends bytes, in one segment as far as they fit. */
  send(...parts: readonly Uint8Array[]): void {
    this.socket.write(concat(parts));
  }

  /** Sends each chunk in a segment of its own. */
  async sendApart(chunks: Iterable<Uint8Array>): Promise<void> {
    for (const chunk of chunks) {
      await new Promise((resolve) => this.socket.write(chunk, resolve));
      await new Promise(setImmediate);
    }
  }

  /** The next `count` bytes. Rejects if the server ends the connection before. */
  async take(count: number): Promise<Uint8Array> {
    await this.until(() => this.#receivedBytes >= count || this.#over);
    const all = this.#takeAll();
    if (all.length < count) {
      throw new Error(
        `the connection has ended ${count - all.length} of ${count} bytes too early: ${hex(all)}`,
      );
    }
    if (all.length > count) this.#putBack(all.subarray(count));
    return all.subarray(0, count);
  }

  /** Everything up to the end of the server's side. */
  async rest(): Promise<Uint8Array> {
    await this.until(() => this.#over);
    return this.#takeAll();
  }

  /** All that has come and was not taken. */
  taken(): Uint8Array {
    return this.#takeAll();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  get #over(): boolean {
    return this.#ended || this.#closed;
  }

  #takeAll(): Uint8Array {
    const all = concat(this.#received.splice(0));
    this.#receivedBytes = 0;
    return all;
  }

  #putBack(bytes: Uint8Array): void {
    this.#received.unshift(bytes);
    this.#receivedBytes = bytes.length;
  }

  #change(): void {
    for (const changed of this.#watchers.splice(0)) changed();
  }
}

/** All packets in bytes, which must end with a packet's end. */
export function packetsIn(bytes: Uint8Array): ServerPacket[] {
  const decoder = new FrameDecoder(serverPackets);
  decoder.push(bytes);
  const packets: ServerPacket[] = [];
  for (let packet = decoder.next(); packet; packet = decoder.next()) packets.push(packet);
  if (decoder.bufferedBytes > 0)
    throw new Error(`${decoder.bufferedBytes} bytes of a packet that is not whole`);
  return packets;
}

/** Bytes as digits, which differ legibly. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Bytes of array buffers that are still in use, once what was let go is gone. */
export async function liveBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (;;) {
    const before = process.memoryUsage().arrayBuffers;
    collect();
    await sleep(10);
    const after = process.memoryUsage().arrayBuffers;
    if (after >= before) return after;
  }
}
