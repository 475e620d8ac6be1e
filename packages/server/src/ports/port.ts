/**
 * A port that peers connect to: listens, lets in as many connections as it may, and keeps those that it has let in.
 *
 * A connection counts from when it is accepted until it is gone, its TLS handshake included. One too many is told so and
 * ended, and never held back: a queue of connections that nobody accepts would shut out everybody else.
 */
import { encodeResult, result, ResultCode } from '@ds/codec';

import { ServerError } from '../errors.js';
import type { PeerKind, RefusalReason, ServerObserver } from '../observer.js';
import type { Logger } from '../options.js';
import type { Descriptors } from './descriptors.js';
import type { BoundAddress, ByteSocket, Listen, Listener } from './listener.js';
import { PeerSocket } from './peer-socket.js';
import { TlsAcceptor, type TlsFiles } from './tls.js';

/** A connection that was let in. */
export interface PortConnection {
  readonly peer: PeerSocket;
  /** Enforces the limits on time. `nowMs` as of `Date.now`. */
  tick(nowMs: number): void;
  /** Ends the connection: what is on its way goes out first. */
  close(): void;
}

interface PortContext<Connection extends PortConnection> {
  /** What connects here, for logs: `client` or `source`. */
  readonly kind: PeerKind;
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  /** Time for a TLS handshake, in milliseconds. */
  readonly handshakeMs: number;
  readonly descriptors: Descriptors;
  readonly observer: ServerObserver | undefined;
  readonly logger: Logger;
  /** Takes a connection that was let in; `closed` is to be called when it is gone. */
  connect(socket: ByteSocket, closed: () => void): Connection;
}

/** Why there is no room for a connection. */
type RoomReason = Exclude<RefusalReason, 'handshake'>;

/** Connections that are told that there is no room, at once; any more are cut off. */
const REFUSALS_MAX = 256;
/** A flood of connections must not become one of log lines. */
const REFUSAL_LOG_INTERVAL_MS = 10_000;

const reasonTexts: Readonly<Record<RoomReason, string>> = {
  full: 'server full',
  address: 'server full for this address',
  descriptors: 'out of file descriptors',
};

export class Port<Connection extends PortConnection> {
  readonly connections = new Set<Connection>();
  readonly #context: PortContext<Connection>;
  #listener: Listener | undefined;
  #tls: TlsAcceptor | undefined;
  #accepted = 0;
  readonly #acceptedByHost = new Map<string, number>();
  /** Since that was logged. */
  #refusals = 0;
  #refusalLoggedMs = -Infinity;
  /** Connections for which there was no room, as long as they are there. */
  readonly #refused = new Set<PeerSocket>();

  constructor(context: PortContext<Connection>) {
    this.#context = context;
  }

  /**
   * Begins to accept.
   * @throws {ServerError} `listen` or `tls`
   */
  async listen({ host, port }: BoundAddress, tls: TlsFiles | undefined, listen: Listen): Promise<void> {
    const { kind, logger, handshakeMs } = this.#context;
    const secured = (socket: ByteSocket): void => {
      this.#connect(socket);
    };
    const unsecured = (): void => {
      this.#context.observer?.refused(kind, 'handshake');
    };
    if (tls) this.#tls = await TlsAcceptor.open(tls, { logger, handshakeMs, secured, failed: unsecured });
    const accepted = (socket: ByteSocket): void => {
      this.#accept(socket);
    };
    const failed = (error: Error): void => {
      logger.error({ host, port, error }, `cannot accept a ${kind}`);
    };
    try {
      this.#listener = await listen({ host, port }, { accepted, failed });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ServerError('listen', `cannot listen on ${host} port ${port}: ${reason}`, { cause });
    }
  }

  /** Where it listens, once it does. */
  get address(): BoundAddress | undefined {
    return this.#listener?.address;
  }

  /** Accepts no more and ends all connections; resolves when they are gone. */
  async close(): Promise<void> {
    const gone = this.#listener?.close();
    this.#tls?.close();
    for (const connection of this.connections) connection.close();
    await gone;
  }

  /** Cuts off all connections that are left. */
  destroy(reason: string): void {
    for (const { peer } of this.connections) peer.destroy(reason);
    for (const peer of this.#refused) peer.destroy(reason);
  }

  #accept(socket: ByteSocket): void {
    const host = socket.remoteAddress ?? 'unknown';
    const fromHost = this.#acceptedByHost.get(host) ?? 0;
    const reason = this.#reasonToRefuse(fromHost);
    if (reason !== undefined) {
      this.#refuse(socket, reason);
      return;
    }
    this.#accepted++;
    this.#acceptedByHost.set(host, fromHost + 1);
    socket.once('close', () => {
      this.#accepted--;
      const left = (this.#acceptedByHost.get(host) ?? 1) - 1;
      if (left === 0) this.#acceptedByHost.delete(host);
      else this.#acceptedByHost.set(host, left);
    });
    if (this.#tls) this.#tls.accept(socket);
    else this.#connect(socket);
  }

  #connect(socket: ByteSocket): void {
    const { kind, logger } = this.#context;
    const connection = this.#context.connect(socket, () => this.connections.delete(connection));
    this.connections.add(connection);
    this.#context.observer?.accepted(kind);
    logger.debug({ peer: connection.peer.name }, `${kind} connected`);
  }

  #reasonToRefuse(fromHost: number): RoomReason | undefined {
    const { connectionsMax, connectionsPerAddressMax, descriptors } = this.#context;
    if (this.#accepted >= connectionsMax) return 'full';
    if (fromHost >= connectionsPerAddressMax) return 'address';
    return descriptors.supply === 'enough' ? undefined : 'descriptors';
  }

  /** Tells a peer that there is no room, and ends the connection. Over TLS it would take a handshake to say so. */
  #refuse(socket: ByteSocket, reason: RoomReason): void {
    this.#context.observer?.refused(this.#context.kind, reason);
    this.#logRefusal(socket, reasonTexts[reason]);
    if (this.#tls || this.#refused.size >= REFUSALS_MAX || this.#context.descriptors.supply === 'none') {
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    const peer = new PeerSocket(socket, {
      data: () => undefined,
      taken: () => undefined,
      closed: () => this.#refused.delete(peer),
    });
    this.#refused.add(peer);
    peer.write(encodeResult(result(ResultCode.serverFull)));
    peer.finish(reasonTexts[reason]);
  }

  /** Says it at once, and then how often it has happened. */
  #logRefusal({ remoteAddress }: ByteSocket, reason: string): void {
    this.#refusals++;
    const nowMs = Date.now();
    if (nowMs - this.#refusalLoggedMs < REFUSAL_LOG_INTERVAL_MS) return;
    const { kind, logger } = this.#context;
    logger.warn(
      { peer: remoteAddress, reason, refused: this.#refusals, connections: this.#accepted },
      `${kind} refused`,
    );
    this.#refusalLoggedMs = nowMs;
    this.#refusals = 0;
  }
}
