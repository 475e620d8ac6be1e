/**
 * A network within one process, on simulated time: connections deliver in pieces of any size, after any delay, hold a
 * bounded number of bytes that nobody has taken, and can stall, break, or go silent without either end being told.
 *
 * A socket is a `Duplex`, as Node's is, with the rest of a TCP socket that programs ask for. What TCP does at the end of a
 * connection it does here: a side that closes with bytes unread, or is written to after that, resets the other.
 */
import { Duplex } from 'node:stream';

import type { Random } from '../random.js';

export interface NetworkAddress {
  readonly host: string;
  readonly port: number;
}

export interface NetworkOptions {
  /** Longest delay of one piece, in milliseconds. */
  readonly delayMsMax: number;
  /** Largest piece that is delivered at once. */
  readonly pieceBytesMax: number;
  /** Bytes that one direction of a connection holds. */
  readonly heldBytesMax: number;
  /** Keeps what is sent, so that it can be sent again. */
  readonly keepsSent: boolean;
  /** Told when the side that has accepted writes to its socket after that was destroyed. */
  readonly writtenInVain: () => void;
}

interface Accepting {
  accepted(socket: SimulatedSocket): void;
}

const defaults: NetworkOptions = {
  delayMsMax: 20,
  pieceBytesMax: 1460,
  heldBytesMax: 16_384,
  keepsSent: false,
  writtenInVain: () => undefined,
};

export class SimulatedNetwork {
  /** What becomes of the next attempt to connect, if it is not to succeed. */
  fault: ((address: NetworkAddress) => 'refused' | 'silent' | undefined) | undefined;
  readonly #random: Random;
  readonly #options: NetworkOptions;
  readonly #accepting = new Map<number, Accepting>();
  readonly #links = new Set<Link>();
  #ports = 40_000;

  constructor(random: Random, options: Partial<NetworkOptions> = {}) {
    this.#random = random;
    this.#options = { ...defaults, ...options };
  }

  /** Connections that are open, on one side at least. */
  get links(): readonly Link[] {
    return [...this.#links];
  }

  /** Listens on a port, as `@ds/server` asks for it; port 0 takes a free one. */
  readonly listen = (
    { host, port }: NetworkAddress,
    events: Accepting,
  ): Promise<{ address: NetworkAddress; close(): Promise<void> }> => {
    const bound = port === 0 ? this.#ports++ : port;
    if (this.#accepting.has(bound)) return Promise.reject(systemError('EADDRINUSE', `port ${bound}`));
    this.#accepting.set(bound, events);
    return Promise.resolve({
      address: { host, port: bound },
      close: async () => {
        this.#accepting.delete(bound);
        const accepted = [...this.#links].filter((link) => link.port === bound);
        await Promise.all(accepted.map((link) => link.serverClosed));
      },
    });
  };

  /** Connects, as `net.connect`: the socket is returned at once, and emits `connect` or `error`. */
  readonly connect = ({ host, port }: NetworkAddress, from = '10.0.0.1'): SimulatedSocket => {
    const link = new Link(this.#random, this.#options, port, this.#ports++);
    const { client, server } = link;
    client.connecting = true;
    // As `net.connect`: it ends its side when the other one has.
    client.allowHalfOpen = false;
    Object.assign(client, { remoteAddress: host, remotePort: port });
    Object.assign(server, { remoteAddress: from, remotePort: link.clientPort });
    const fault = this.fault?.({ host, port });
    if (fault === 'silent') return client;
    setTimeout(() => {
      const accepting = this.#accepting.get(port);
      if (client.destroyed) return;
      if (fault === 'refused' || !accepting) {
        client.destroy(systemError('ECONNREFUSED', `${host}:${port}`));
        return;
      }
      this.#links.add(link);
      client.connecting = false;
      void link.closed.then(() => this.#links.delete(link));
      accepting.accepted(server);
      client.emit('connect');
      link.open();
    }, this.#random.next() * this.#options.delayMsMax);
    return client;
  };

  /** Sends again what the client of a connection has sent, on another connection, which ends then. The answers are lost. */
  repeat({ sent, port, server }: Pick<Link, 'sent' | 'port' | 'server'>): void {
    const socket = this.connect({ host: '', port }, server.remoteAddress);
    socket.on('error', () => undefined);
    socket.once('connect', () => socket.resume().end(sent));
  }
}

/** One connection: two sockets, and a direction each way. */
export class Link {
  readonly port: number;
  readonly clientPort: number;
  readonly client: SimulatedSocket;
  readonly server: SimulatedSocket;
  /** Resolves when the side that has accepted is closed. */
  readonly serverClosed: Promise<void>;
  /** Resolves when both sides are closed. */
  readonly closed: Promise<void>;
  readonly #directions: readonly [up: Direction, down: Direction];

  constructor(random: Random, options: NetworkOptions, port: number, clientPort: number) {
    this.port = port;
    this.clientPort = clientPort;
    const up = new Direction(random, options);
    const down = new Direction(random, options);
    this.#directions = [up, down];
    this.client = new SimulatedSocket(this, down, up, options);
    this.server = new SimulatedSocket(this, up, down, options);
    up.between(this.client, this.server);
    down.between(this.server, this.client);
    const closed = (socket: SimulatedSocket): Promise<void> =>
      new Promise((resolve) => {
        socket.once('close', () => {
          resolve();
        });
      });
    this.serverClosed = closed(this.server);
    this.closed = Promise.all([this.serverClosed, closed(this.client)]).then(() => undefined);
  }

  /** All that the client has sent. */
  get sent(): Uint8Array {
    return Buffer.concat(this.#directions[0].taken);
  }

  /** @internal Lets bytes pass. */
  open(): void {
    for (const direction of this.#directions) direction.stall(0);
  }

  /** Delivers nothing for a while. */
  stall(ms: number): void {
    for (const direction of this.#directions) direction.stall(ms);
  }

  /** Breaks the connection: both sides are told at once, and what is on its way is lost. */
  cut(): void {
    for (const socket of [this.client, this.server]) socket.reset();
  }

  /**
   * The client is told that the connection is broken. The server is not: it gets what was sent, after a while, and finds out
   * only by probes.
   */
  abandon(ms: number): void {
    const [up, down] = this.#directions;
    down.vanish();
    up.linger(ms);
    this.client.reset();
    this.server.probeInVain();
  }

  /**
   * Delivers nothing ever again. A side that keeps the connection alive finds out once its probes are not answered; one that
   * does not is never told.
   */
  vanish(): void {
    for (const direction of this.#directions) direction.vanish();
    for (const socket of [this.client, this.server]) socket.probeInVain();
  }
}

/** Probes that are sent, one a second, to a peer that does not answer, as Linux does for Node. */
const PROBES = 10;

type WriteCallback = (error: Error | null | undefined) => void;

export class SimulatedSocket extends Duplex {
  /** The connection that this is one end of. */
  readonly link: Link;
  connecting = false;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly #incoming: Direction;
  readonly #outgoing: Direction;
  readonly #writtenInVain: () => void;
  #takenBytes = 0;
  /** Ends the write that is under way. */
  #written: (() => void) | undefined;
  #keepAliveMs: number | undefined;
  /** The other side has vanished. */
  #isAlone = false;
  #idle: { readonly ms: number; timer: NodeJS.Timeout } | undefined;

  constructor(link: Link, incoming: Direction, outgoing: Direction, options: NetworkOptions) {
    super({ allowHalfOpen: true, readableHighWaterMark: options.pieceBytesMax });
    this.#writtenInVain = options.writtenInVain;
    this.link = link;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  /** Bytes that were given to this socket to be sent. */
  get bytesWritten(): number {
    return this.#takenBytes + this.writableLength;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(on = false, initialDelayMs = 0): this {
    this.#keepAliveMs = on ? initialDelayMs : undefined;
    if (this.#isAlone) this.probeInVain();
    return this;
  }

  /** Emits `timeout` when nothing was received or sent for so long; 0 ends that. */
  setTimeout(ms: number, listener?: () => void): this {
    clearTimeout(this.#idle?.timer);
    this.#idle = undefined;
    if (ms > 0) {
      this.#idle = { ms, timer: setTimeout(() => this.emit('timeout'), ms) };
      if (listener) this.once('timeout', listener);
    }
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** The other side has closed, or the connection is cut. */
  reset(): void {
    this.destroy(systemError('ECONNRESET', 'read'));
  }

  /** @internal */
  probeInVain(): void {
    this.#isAlone = true;
    if (this.#keepAliveMs === undefined) return;
    setTimeout(() => this.destroy(systemError('ETIMEDOUT', 'read')), this.#keepAliveMs + PROBES * 1000);
  }

  /** @internal Gives a piece to the reader; false if it wants no more. */
  deliver(piece: Uint8Array | null): boolean {
    this.#active();
    return this.push(piece);
  }

  override _read(): void {
    this.#incoming.wanted();
  }

  override write(
    chunk: unknown,
    encoding?: BufferEncoding | WriteCallback,
    callback?: WriteCallback,
  ): boolean {
    if (this.destroyed && this === this.link.server) this.#writtenInVain();
    return typeof encoding === 'string'
      ? super.write(chunk, encoding, callback)
      : super.write(chunk, encoding);
  }

  override _write(chunk: Uint8Array, _encoding: string, callback: (error?: Error | null) => void): void {
    this.#active();
    this.#written = callback;
    this.#outgoing.send(chunk, () => {
      this.#takenBytes += chunk.length;
      this.#written = undefined;
      callback();
    });
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#outgoing.end();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.setTimeout(0);
    const hasUnread = this.#incoming.close() || this.readableLength > 0;
    if (hasUnread || error) this.#outgoing.reset();
    else this.#outgoing.end();
    // Node tells of a write that was under way as if it was done.
    this.#written?.();
    callback(error);
  }

  #active(): void {
    if (this.#idle) this.setTimeout(this.#idle.ms);
  }
}

/** One direction of a connection: bytes that were sent and not delivered, in order. */
export class Direction {
  readonly #random: Random;
  readonly #options: NetworkOptions;
  /** All that was sent, where that is to be known. */
  readonly taken: Uint8Array[] = [];
  #sender: SimulatedSocket | undefined;
  #receiver: SimulatedSocket | undefined;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** A write that has found no room for all of its bytes. */
  #waiting: { readonly rest: Uint8Array; readonly taken: () => void } | undefined;
  /** Whether the receiver has room for more. */
  #isWanted = false;
  #end: 'none' | 'sent' | 'delivered' = 'none';
  /** The receiver is closed. */
  #closed = false;
  #vanished = false;
  /** What is on its way arrives, and nothing else, whatever becomes of the sender. */
  #lingers = false;
  /** When bytes may pass. */
  #passableMs = Infinity;
  #scheduled = false;

  constructor(random: Random, options: NetworkOptions) {
    this.#random = random;
    this.#options = options;
  }

  between(sender: SimulatedSocket, receiver: SimulatedSocket): void {
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /** Takes bytes, some of them perhaps later. They are copied when they are taken, as a kernel does. */
  send(bytes: Uint8Array, taken: () => void): void {
    if (this.#closed) {
      // Nobody is there to read: the answer is a reset.
      this.#later(() => this.#sender?.reset());
      taken();
      return;
    }
    this.#waiting = { rest: bytes, taken };
    this.#takeWaiting();
    this.#schedule();
  }

  /** Nothing more will be sent. */
  end(): void {
    if (this.#lingers) return;
    if (this.#end === 'none') this.#end = 'sent';
    this.#waiting = undefined;
    this.#schedule();
  }

  /** The sender is gone without having read everything: what is on its way is lost, and the receiver is told. */
  reset(): void {
    if (this.#lingers) return;
    this.#drop();
    if (!this.#closed) this.#later(() => this.#receiver?.reset());
  }

  /** The receiver has room for more. */
  wanted(): void {
    this.#isWanted = true;
    this.#schedule();
  }

  /** The receiver is gone; returns whether there was something that it has not read. */
  close(): boolean {
    const hadBytes = this.#heldBytes > 0 || this.#waiting !== undefined;
    this.#closed = true;
    this.#drop();
    return hadBytes;
  }

  /** Lets nothing pass for a while, from now on. */
  stall(ms: number): void {
    this.#passableMs = performance.now() + ms;
    this.#schedule();
  }

  /** Delivers what was sent up to now, after a while, and nothing else. */
  linger(ms: number): void {
    this.#lingers = true;
    this.#waiting = undefined;
    this.stall(ms);
  }

  /** Lets nothing pass any more. */
  vanish(): void {
    this.#vanished = true;
  }

  #drop(): void {
    this.#held = [];
    this.#heldBytes = 0;
    this.#waiting = undefined;
  }

  #takeWaiting(): void {
    const waiting = this.#waiting;
    const room = this.#options.heldBytesMax - this.#heldBytes;
    if (!waiting || room <= 0) return;
    const { rest, taken } = waiting;
    // A stream gives Buffers, whose `slice` copies nothing.
    const part = new Uint8Array(rest.subarray(0, room));
    this.#held.push(part);
    if (this.#options.keepsSent) this.taken.push(part);
    this.#heldBytes += part.length;
    this.#waiting = part.length < rest.length ? { rest: rest.subarray(part.length), taken } : undefined;
    if (!this.#waiting) taken();
  }

  /** Sees to it that the next piece, or the end, is delivered some time. */
  #schedule(): void {
    // What can never be delivered is not tried again and again.
    if (this.#scheduled || this.#closed || this.#vanished || this.#passableMs === Infinity) return;
    const isDue = this.#heldBytes > 0 ? this.#isWanted : this.#end === 'sent';
    if (!isDue) return;
    this.#scheduled = true;
    const delayMs = this.#random.next() * this.#options.delayMsMax;
    const stalledMs = Math.max(0, this.#passableMs - performance.now());
    setTimeout(() => {
      this.#scheduled = false;
      this.#deliver();
      this.#schedule();
    }, stalledMs + delayMs);
  }

  #deliver(): void {
    const receiver = this.#receiver;
    if (this.#closed || this.#vanished || !receiver || performance.now() < this.#passableMs) return;
    if (this.#heldBytes > 0) {
      this.#isWanted = receiver.deliver(this.#takePiece());
      this.#takeWaiting();
    } else if (this.#end === 'sent') {
      this.#end = 'delivered';
      receiver.deliver(null);
    }
  }

  #takePiece(): Uint8Array {
    const { pieceBytesMax } = this.#options;
    const bytes = this.#random.chance(0.5) ? pieceBytesMax : this.#random.integer(1, pieceBytesMax);
    const held = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
    const piece = Uint8Array.prototype.slice.call(held, 0, bytes);
    this.#held = piece.length < held.length ? [held.subarray(piece.length)] : [];
    this.#heldBytes -= piece.length;
    return piece;
  }

  #later(task: () => void): void {
    // Before the connection is open there is nobody to be told.
    if (this.#vanished || this.#passableMs === Infinity) return;
    setTimeout(() => {
      if (!this.#vanished) task();
    }, this.#random.next() * this.#options.delayMsMax);
  }
}

function systemError(code: string, doing: string): Error {
  return Object.assign(new Error(`${code}: ${doing}`), { code });
}
