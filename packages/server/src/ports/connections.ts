/**
 * The connections of one kind that this process serves: TLS, if peers are to use it, then one object for each, as long as
 * it is there.
 */
import type { PeerKind, ServerObserver } from '../observer.js';
import type { Logger } from '../options.js';
import type { ByteSocket } from './listener.js';
import type { PeerSocket } from './peer-socket.js';
import { TlsAcceptor, type TlsFiles } from './tls.js';

/** A connection that is served. */
export interface PeerConnection {
  readonly peer: PeerSocket;
  /** Enforces the limits on time. `nowMs` as of `performance.now`. */
  tick(nowMs: number): void;
  /** Ends the connection: what is on its way goes out first. */
  close(): void;
}

interface ConnectionsContext<Connection extends PeerConnection> {
  /** What connects, for logs. */
  readonly kind: PeerKind;
  /** Time for a TLS handshake, in milliseconds. */
  readonly handshakeMs: number;
  readonly observer: ServerObserver | undefined;
  readonly logger: Logger;
  /** Serves a connection; `closed` is to be called when it is gone. */
  connect(socket: ByteSocket, closed: () => void): Connection;
}

export class Connections<Connection extends PeerConnection> {
  readonly #context: ConnectionsContext<Connection>;
  readonly #served = new Set<Connection>();
  #tls: TlsAcceptor | undefined;
  /** Sockets that were taken and are not gone: those in a handshake, too. */
  #open = 0;
  /** Resolves what `close` has returned. */
  #gone: (() => void) | undefined;

  constructor(context: ConnectionsContext<Connection>) {
    this.#context = context;
  }

  /**
   * Has connections begin with a TLS handshake if there are files for it.
   * @throws {ServerError} `tls`
   */
  async open(tls: TlsFiles | undefined): Promise<void> {
    if (!tls) return;
    const { kind, logger, handshakeMs, observer } = this.#context;
    this.#tls = await TlsAcceptor.open(tls, {
      logger,
      handshakeMs,
      secured: (socket) => {
        this.#connect(socket);
      },
      failed: () => observer?.refused(kind, 'handshake'),
    });
  }

  /** Connections that are served, handshakes left out. */
  get size(): number {
    return this.#served.size;
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#served.values();
  }

  /** Takes a connection that was accepted; `left` is called when it is gone. */
  take(socket: ByteSocket, left: () => void): void {
    this.#open++;
    socket.once('close', () => {
      this.#open--;
      left();
      if (this.#open === 0) this.#gone?.();
    });
    if (this.#tls) this.#tls.accept(socket);
    else this.#connect(socket);
  }

  /** Enforces the limits on time. */
  tick(): void {
    const nowMs = performance.now();
    for (const connection of this.#served) connection.tick(nowMs);
  }

  /** Ends all connections; resolves when they are gone. None may be taken any more. */
  async close(): Promise<void> {
    this.#tls?.close();
    for (const connection of this.#served) connection.close();
    if (this.#open > 0) await new Promise<void>((resolve) => (this.#gone = resolve));
  }

  /** Cuts off all connections that are left. */
  destroy(reason: string): void {
    for (const { peer } of this.#served) peer.destroy(reason);
  }

  #connect(socket: ByteSocket): void {
    const { kind, logger, observer } = this.#context;
    const connection = this.#context.connect(socket, () => this.#served.delete(connection));
    this.#served.add(connection);
    observer?.accepted(kind);
    logger.debug({ peer: connection.peer.name }, `${kind} connected`);
  }
}
