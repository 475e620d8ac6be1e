/**
 * A port that peers connect to: listens, and lets in as many connections as it may.
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

/** Who serves the connections that are let in. */
export interface Taker {
  /** Serves a connection; `left` is to be called when it is gone. */
  take(socket: ByteSocket, left: () => void): void;
  /** Whether there is somebody to serve one more. Without it there always is. */
  readonly hasRoom?: boolean;
}

interface PortContext {
  /** What connects here, for logs: `client` or `source`. */
  readonly kind: PeerKind;
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  /** Whether peers connect over TLS. */
  readonly isSecured: boolean;
  readonly descriptors: Descriptors;
  readonly observer: ServerObserver | undefined;
  readonly logger: Logger;
  readonly taker: Taker;
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
  workers: 'no worker has room',
};

export class Port {
  readonly #context: PortContext;
  #listener: Listener | undefined;
  #accepted = 0;
  readonly #acceptedByHost = new Map<string, number>();
  /** Since that was logged. */
  #refusals = 0;
  #refusalLoggedMs = -Infinity;
  /** Connections for which there was no room, as long as they are there. */
  readonly #refused = new Set<PeerSocket>();

  constructor(context: PortContext) {
    this.#context = context;
  }

  /**
   * Begins to accept.
   * @throws {ServerError} `listen`
   */
  async listen({ host, port }: BoundAddress, listen: Listen): Promise<void> {
    const { kind, logger } = this.#context;
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

  /** Accepts no more; resolves when the connections that this process has are gone. */
  async close(): Promise<void> {
    await this.#listener?.close();
  }

  /** Cuts off the connections for which there was no room. */
  destroy(reason: string): void {
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
    this.#context.taker.take(socket, () => {
      this.#accepted--;
      const left = (this.#acceptedByHost.get(host) ?? 1) - 1;
      if (left === 0) this.#acceptedByHost.delete(host);
      else this.#acceptedByHost.set(host, left);
    });
  }

  #reasonToRefuse(fromHost: number): RoomReason | undefined {
    const { connectionsMax, connectionsPerAddressMax, descriptors, taker } = this.#context;
    if (this.#accepted >= connectionsMax) return 'full';
    if (fromHost >= connectionsPerAddressMax) return 'address';
    if (taker.hasRoom === false) return 'workers';
    return descriptors.supply === 'enough' ? undefined : 'descriptors';
  }

  /** Tells a peer that there is no room, and ends the connection. Over TLS it would take a handshake to say so. */
  #refuse(socket: ByteSocket, reason: RoomReason): void {
    const { kind, isSecured, descriptors, observer } = this.#context;
    observer?.refused(kind, reason);
    this.#logRefusal(socket, reasonTexts[reason]);
    if (isSecured || this.#refused.size >= REFUSALS_MAX || descriptors.supply === 'none') {
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
    const nowMs = performance.now();
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
