/** A stream server: a stream file, the port for its clients, and the port for its source. */
import type { Entry, EntryBatch, Header } from '@ds/codec';
import type { Commit, StreamFile } from '@ds/stream-file';

import type { ClientHost } from './clients/client-host.js';
import { LocalClients } from './clients/local-clients.js';
import type { ClientStatus, ServerObserver } from './observer.js';
import { silentLogger, type Logger, type PortOptions, type ServerLimits } from './options.js';
import { Connections } from './ports/connections.js';
import { Descriptors } from './ports/descriptors.js';
import { listenTcp, listenTcpForOthers, type BoundAddress, type Listen } from './ports/listener.js';
import { Port } from './ports/port.js';
import { settingsOf, type ServerSettings } from './settings.js';
import { SourceConnection } from './sources/source-connection.js';
import { SourceGate } from './sources/source-gate.js';
import { WorkerPool, type WorkerOptions, type WorkersStatus } from './workers/worker-pool.js';

export interface StreamServerOptions {
  /** The stream. The server does not close it. */
  readonly file: StreamFile;
  /** Where clients connect. */
  readonly clients: PortOptions;
  /** Where the source connects; without it operations come from this process alone. */
  readonly source?: PortOptions | undefined;
  /** With it, clients are served by processes of their own. Without, by this one. */
  readonly workers?: WorkerOptions | undefined;
  /** What peers may cost. */
  readonly limits?: { readonly [Name in keyof ServerLimits]?: ServerLimits[Name] | undefined } | undefined;
  /** Default: nothing is logged. */
  readonly logger?: Logger | undefined;
  /** Told what happens, for metrics. */
  readonly observer?: ServerObserver | undefined;
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
  readonly #clientPort: Port;
  readonly #clients: ClientHost;
  readonly #sourcePort: Port;
  readonly #sources: Connections<SourceConnection>;
  readonly #unlisten: () => void;
  readonly #ticker: NodeJS.Timeout;
  #closing: Promise<void> | undefined;

  private constructor(options: StreamServerOptions, { clients, source, limits }: ServerSettings) {
    const { file, logger = silentLogger, observer } = options;
    this.file = file;
    this.#limits = limits;
    const shared = { file, limits: this.#limits, logger, observer };
    const { clientsMax, clientsPerAddressMax, sourcesMax, handshakeMs } = this.#limits;
    const descriptors = new Descriptors();
    const { token } = clients;
    this.#clients = options.workers
      ? new WorkerPool(options.workers, { ...shared, token, descriptors })
      : new LocalClients({ ...shared, token });
    this.#clientPort = new Port({
      kind: 'client',
      connectionsMax: clientsMax,
      connectionsPerAddressMax: clientsPerAddressMax,
      isSecured: clients.tls !== undefined,
      descriptors,
      observer,
      logger,
      taker: this.#clients,
    });
    const gate = new SourceGate(file);
    this.#sources = new Connections({
      kind: 'source',
      handshakeMs,
      observer,
      logger,
      connect: (socket, closed) =>
        new SourceConnection(socket, { ...shared, gate, token: source?.token, closed }),
    });
    this.#sourcePort = new Port({
      kind: 'source',
      connectionsMax: sourcesMax,
      connectionsPerAddressMax: sourcesMax,
      isSecured: source?.tls !== undefined,
      descriptors,
      observer,
      logger,
      taker: this.#sources,
    });
    this.#unlisten = file.listen(this.#clients);
    this.#ticker = setInterval(() => {
      this.#clients.tick();
      this.#sources.tick();
    }, TICK_MS);
    this.#ticker.unref();
  }

  /**
   * Starts serving; resolves when the ports are listened on.
   * @throws {ServerError} `bad-option`, `listen`, `tls` or `worker`
   */
  static async start(options: StreamServerOptions): Promise<StreamServer> {
    const settings = settingsOf(options);
    const server = new StreamServer(options, settings);
    const { clients, source } = settings;
    const { workers, listen = listenTcp } = options;
    try {
      await server.#clients.open(clients.tls);
      await server.#clientPort.listen(clients, workers ? listenTcpForOthers : listen);
      await server.#sources.open(source?.tls);
      if (source) await server.#sourcePort.listen(source, listen);
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** Where clients connect. */
  get clientAddress(): BoundAddress {
    return this.#clientPort.address ?? { host: '', port: 0 };
  }

  /** Where the source connects, if it can. */
  get sourceAddress(): BoundAddress | undefined {
    return this.#sourcePort.address;
  }

  /** Clients connected. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /** Sources connected, let in or not. */
  get sourceCount(): number {
    return this.#sources.size;
  }

  /** Each client as it is now. */
  clients(): Promise<readonly ClientStatus[]> {
    return this.#clients.status();
  }

  /** The processes that serve clients; undefined where this one does. */
  get workers(): WorkersStatus | undefined {
    return this.#clients instanceof WorkerPool ? this.#clients.workers : undefined;
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
    const closed = [this.#clientPort, this.#clients, this.#sourcePort, this.#sources].map((each) =>
      each.close(),
    );
    const timer = setTimeout(() => {
      for (const each of [this.#clientPort, this.#clients, this.#sourcePort, this.#sources])
        each.destroy('shutting down');
    }, this.#limits.closeMs);
    await Promise.all(closed);
    clearTimeout(timer);
    clearInterval(this.#ticker);
    this.#clientPort.destroy('shutting down');
    this.#unlisten();
  }
}
