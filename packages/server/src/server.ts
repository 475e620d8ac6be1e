/** A stream server: a stream file, the port for its clients, and the port for its source. */
import type { Entry, EntryBatch, Header } from '@ds/codec';
import type { Commit, StreamFile } from '@ds/stream-file';

import { ClientConnection } from './clients/client-connection.js';
import { StreamTail } from './clients/stream-tail.js';
import type { ClientStatus, ServerObserver } from './observer.js';
import { defaultLimits, silentLogger, type Logger, type PortOptions, type ServerLimits } from './options.js';
import { Descriptors } from './ports/descriptors.js';
import { listenTcp, type BoundAddress, type Listen } from './ports/listener.js';
import { Port } from './ports/port.js';
import { SourceConnection } from './sources/source-connection.js';
import { SourceGate } from './sources/source-gate.js';

export interface StreamServerOptions {
  /** The stream. The server does not close it. */
  readonly file: StreamFile;
  /** Where clients connect. */
  readonly clients: PortOptions;
  /** Where the source connects; without it operations come from this process alone. */
  readonly source?: PortOptions;
  readonly limits?: Partial<ServerLimits>;
  readonly logger?: Logger;
  /** Told what happens, for metrics. */
  readonly observer?: ServerObserver;
  /** @internal Tests put another network in place. */
  readonly listen?: Listen;
}

const TICK_MS = 1_000;

/**
 * Serves a stream to any number of clients, and takes operations from one source at a time or from this process.
 *
 * The methods named as in the protocol (`startAtomicOp` and so on) are the stream file's, with back-pressure: errors are
 * `StreamFileError`s.
 */
export class StreamServer implements AsyncDisposable {
  readonly file: StreamFile;
  readonly #limits: ServerLimits;
  readonly #clients: Port<ClientConnection>;
  readonly #sources: Port<SourceConnection>;
  readonly #unlisten: () => void;
  readonly #tail: StreamTail;
  readonly #ticker: NodeJS.Timeout;
  #closing: Promise<void> | undefined;

  private constructor({
    file,
    clients,
    source,
    limits,
    logger = silentLogger,
    observer,
  }: StreamServerOptions) {
    this.file = file;
    this.#limits = { ...defaultLimits, ...limits };
    this.#tail = new StreamTail(file, () => {
      for (const client of this.#clients.connections) client.announced();
    });
    const shared = { file, limits: this.#limits, logger, observer };
    const descriptors = new Descriptors();
    const { clientsMax, clientsPerAddressMax, sourcesMax, handshakeMs } = this.#limits;
    this.#clients = new Port({
      kind: 'client',
      connectionsMax: clientsMax,
      connectionsPerAddressMax: clientsPerAddressMax,
      handshakeMs,
      descriptors,
      observer,
      logger,
      connect: (socket, closed) =>
        new ClientConnection(socket, { ...shared, tail: this.#tail, token: clients.token, closed }),
    });
    const gate = new SourceGate(file);
    this.#sources = new Port({
      kind: 'source',
      connectionsMax: sourcesMax,
      connectionsPerAddressMax: sourcesMax,
      handshakeMs,
      descriptors,
      observer,
      logger,
      connect: (socket, closed) =>
        new SourceConnection(socket, { ...shared, gate, token: source?.token, closed }),
    });
    this.#unlisten = file.listen({
      committed: () => {
        this.#tail.committed();
      },
      truncated: (length) => {
        this.#tail.truncated(length);
        for (const client of this.#clients.connections) client.truncated(length);
      },
    });
    this.#ticker = setInterval(() => {
      const nowMs = Date.now();
      for (const client of this.#clients.connections) client.tick(nowMs);
      for (const source of this.#sources.connections) source.tick(nowMs);
    }, TICK_MS);
    this.#ticker.unref();
  }

  /**
   * Starts serving; resolves when the ports are listened on.
   * @throws {ServerError} `listen` or `tls`
   */
  static async start(options: StreamServerOptions): Promise<StreamServer> {
    const server = new StreamServer(options);
    const { clients, source, listen = listenTcp } = options;
    try {
      await server.#clients.listen({ host: '0.0.0.0', ...clients }, clients.tls, listen);
      if (source) await server.#sources.listen({ host: '127.0.0.1', ...source }, source.tls, listen);
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** Where clients connect. */
  get clientAddress(): BoundAddress {
    return this.#clients.address ?? { host: '', port: 0 };
  }

  /** Where the source connects, if it can. */
  get sourceAddress(): BoundAddress | undefined {
    return this.#sources.address;
  }

  /** Clients connected. */
  get clientCount(): number {
    return this.#clients.connections.size;
  }

  /** Sources connected, let in or not. */
  get sourceCount(): number {
    return this.#sources.connections.size;
  }

  /** Each client as it is now. */
  *clients(): Generator<ClientStatus> {
    for (const { status } of this.#clients.connections) yield status;
  }

  /** Opens an atomic operation; waits while too much waits to be written. */
  async startAtomicOp(): Promise<void> {
    await this.file.ready();
    this.file.startAtomicOp();
  }

  /** Adds an entry to the open operation; returns its number. */
  addStreamEntry(type: number, data: Uint8Array): bigint {
    return this.file.addStreamEntry(type, data);
  }

  /** Adds a bookmark to the open operation; returns the number of its entry. */
  addStreamBookmark(key: Uint8Array): bigint {
    return this.file.addStreamBookmark(key);
  }

  /** Adds entries of another stream to the open operation, byte for byte. */
  addStreamBatch(batch: EntryBatch): void {
    this.file.addStreamBatch(batch);
  }

  /** Commits the open operation; resolves when it is durable and on its way to the clients. */
  commitAtomicOp(): Promise<Commit> {
    return this.file.commitAtomicOp();
  }

  /** Rolls the open operation back. */
  rollbackAtomicOp(): void {
    this.file.rollbackAtomicOp();
  }

  /** Cuts the stream: this entry and all after it go. Clients that were sent any of it are disconnected. */
  truncateFile(entryNumber: bigint): Promise<void> {
    return this.file.truncateFile(entryNumber);
  }

  /** Replaces a committed entry's data by data of the same length. */
  updateEntryData(entryNumber: bigint, type: number, data: Uint8Array): Promise<void> {
    return this.file.updateEntryData(entryNumber, type, data);
  }

  /** Identity and committed size of the stream. */
  getHeader(): Header {
    return this.file.header;
  }

  /** The committed entry with this number. */
  getEntry(entryNumber: bigint): Promise<Entry | undefined> {
    return this.file.getEntry(entryNumber);
  }

  /** Number of the newest committed entry with this bookmark. */
  getBookmark(key: Uint8Array): bigint | undefined {
    return this.file.getBookmark(key);
  }

  /** The first entry at or after a bookmark that is not a bookmark itself. */
  getFirstEventAfterBookmark(key: Uint8Array): Promise<Entry | undefined> {
    return this.file.getFirstEventAfterBookmark(key);
  }

  /** The data of all entries from one bookmark up to another, bookmarks left out. */
  getDataBetweenBookmarks(from: Uint8Array, to: Uint8Array): Promise<Uint8Array> {
    return this.file.getDataBetweenBookmarks(from, to);
  }

  /** Accepts no more, lets what is on its way go out within `closeMs`, and cuts off what is left. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const closed = [this.#clients.close(), this.#sources.close()];
    const timer = setTimeout(() => {
      this.#clients.destroy('shutting down');
      this.#sources.destroy('shutting down');
    }, this.#limits.closeMs);
    await Promise.all(closed);
    clearTimeout(timer);
    clearInterval(this.#ticker);
    this.#unlisten();
    this.#tail.close();
  }
}
