/** The clients that this process serves, and how they learn what becomes of the stream. */
import type { ServerObserver, ClientStatus } from '../observer.js';
import type { Logger, ServerLimits } from '../options.js';
import { Connections } from '../ports/connections.js';
import type { ByteSocket } from '../ports/listener.js';
import type { TlsFiles } from '../ports/tls.js';
import { ClientConnection } from './client-connection.js';
import type { ClientHost } from './client-host.js';
import type { ServedStream } from './served-stream.js';
import { StreamTail } from './stream-tail.js';

interface LocalClientsContext {
  readonly file: ServedStream;
  /** What a client must show to be let in; undefined: nothing. */
  readonly token: Uint8Array | undefined;
  readonly limits: ServerLimits;
  readonly logger: Logger;
  readonly observer: ServerObserver | undefined;
}

export class LocalClients implements ClientHost {
  readonly #connections: Connections<ClientConnection>;
  readonly #tail: StreamTail;
  /** Only these are told of a commit, so that those that are stalled or idle cost it nothing, however many they are. */
  readonly #waiting = new Set<ClientConnection>();

  constructor(context: LocalClientsContext) {
    const { limits, logger, observer } = context;
    this.#tail = new StreamTail(context.file, () => {
      const told = [...this.#waiting];
      this.#waiting.clear();
      for (const client of told) client.announced();
    });
    this.#connections = new Connections({
      kind: 'client',
      handshakeMs: limits.handshakeMs,
      observer,
      logger,
      connect: (socket, closed) =>
        new ClientConnection(socket, { ...context, tail: this.#tail, waiting: this.#waiting, closed }),
    });
  }

  open(tls: TlsFiles | undefined): Promise<void> {
    return this.#connections.open(tls);
  }

  take(socket: ByteSocket, left: () => void): void {
    this.#connections.take(socket, left);
  }

  get size(): number {
    return this.#connections.size;
  }

  status(): Promise<readonly ClientStatus[]> {
    return Promise.resolve(Array.from(this.#connections, ({ status }) => status));
  }

  committed(): void {
    this.#tail.committed();
  }

  truncated(length: number): void {
    this.#tail.truncated(length);
    for (const client of this.#connections) client.truncated(length);
  }

  tick(): void {
    this.#connections.tick();
  }

  async close(): Promise<void> {
    await this.#connections.close();
    this.#tail.close();
  }

  destroy(reason: string): void {
    this.#connections.destroy(reason);
  }
}
