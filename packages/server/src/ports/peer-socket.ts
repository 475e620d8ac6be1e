/**
 * A TCP connection as the server sees it: what both kinds of peers need of a socket.
 *
 * A connection that the server ends is first shut down for writing and read to its end, so that the last result reaches
 * a peer that has sent more than was read; a peer that does not end it in turn is cut off after a while.
 */
import type { ByteSocket } from './listener.js';

/** What a connection's owner is told. */
export interface PeerEvents {
  /** Bytes have come. */
  data(chunk: Uint8Array): void;
  /** Bytes that were written have been taken. */
  taken(): void;
  /** The connection is gone. `reason` is `peer` unless this side ended it. Told once, last. */
  closed(reason: string): void;
}

/** A peer that has been quiet for so long is probed, once a second; ten probes without an answer end the connection. */
const QUIET_MS = 30_000;
/** The same for one of which it is doubted that it is still there. */
const DOUBTFUL_MS = 1_000;

/** How long a peer that has been sent everything has to end a connection that the server has ended. */
const LINGER_MS = 2_000;

export class PeerSocket {
  /** Address and port of the peer, for logs. */
  readonly name: string;
  /** Address of the peer. */
  readonly host: string;
  readonly #socket: ByteSocket;
  readonly #events: PeerEvents;
  #reason: string | undefined;
  #finishing = false;
  #lastTakenMs = performance.now();

  constructor(socket: ByteSocket, events: PeerEvents) {
    this.#socket = socket;
    this.#events = events;
    this.host = socket.remoteAddress ?? 'unknown';
    this.name = `${this.host}:${socket.remotePort ?? 0}`;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, QUIET_MS);
    socket.on('data', ({ buffer, byteOffset, length }: Uint8Array) => {
      // Not a Buffer: what is cut from one is one, too, and its `slice` copies nothing.
      if (!this.finishing) events.data(new Uint8Array(buffer, byteOffset, length));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#reason ??= error.code ?? error.message;
    });
    socket.on('close', () => {
      events.closed(this.#reason ?? 'peer');
    });
  }

  /** Finds out soon whether the peer is still there. */
  probe(): void {
    this.#socket.setKeepAlive(true, DOUBTFUL_MS);
  }

  /** Whether the connection is over, or the server has ended it: nothing more can be written. */
  get finishing(): boolean {
    return this.#finishing || this.#socket.destroyed;
  }

  /** Bytes written that the peer's side of the connection has not taken. */
  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  /** Since when the peer has had bytes to take and has taken none; undefined if it has none. As of `performance.now`. */
  get stalledSinceMs(): number | undefined {
    return this.pendingBytes > 0 ? this.#lastTakenMs : undefined;
  }

  /**
   * Sends bytes.
   * @param done called once, when they have been taken or never will be: until then they must stay what they are
   */
  write(bytes: Uint8Array, done?: () => void): void {
    if (this.finishing) {
      done?.();
      return;
    }
    if (this.pendingBytes === 0) this.#lastTakenMs = performance.now();
    this.#socket.write(bytes, () => {
      this.#lastTakenMs = performance.now();
      done?.();
      // What was on its way when the connection failed is told as if it had been taken.
      if (!this.finishing) this.#events.taken();
    });
  }

  /** Stops or resumes reading, so that TCP holds the peer back. */
  reading(on: boolean): void {
    if (this.finishing) return;
    if (on) this.#socket.resume();
    else this.#socket.pause();
  }

  /** Sends what was written, then ends the connection. */
  finish(reason: string): void {
    if (this.finishing) return;
    this.#finishing = true;
    this.#reason ??= reason;
    this.#socket.once('finish', () => {
      const timer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
      this.#socket.once('close', () => {
        clearTimeout(timer);
      });
    });
    this.#socket.end();
    this.#socket.resume();
  }

  /** Cuts the connection off at once. */
  destroy(reason: string): void {
    this.#reason ??= reason;
    this.#finishing = true;
    this.#socket.destroy();
  }

  /** Told when the peer has ended its side. */
  onEnd(listener: () => void): void {
    this.#socket.on('end', listener);
  }
}
