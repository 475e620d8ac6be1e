/** A stream server: a stream file, the port for its clients, and the port for its source. */
import { encodeResult, result, ResultCode, type Entry, type EntryBatch, type Header } from '@ds/codec';
import type { Commit, StreamFile } from '@ds/stream-file';

import { ClientConnection } from './client-connection.js';
import { ServerError } from './errors.js';
import { listenTcp, type BoundAddress, type ByteSocket, type Listen, type Listener } from './listener.js';
import { defaultLimits, silentLogger, type Logger, type PortOptions, type ServerLimits } from './options.js';
import { PeerSocket } from './peer-socket.js';
import { SourceConnection } from './source-connection.js';
import { SourceGate } from './source-gate.js';

export interface StreamServerOptions {
  /** The stream. The server does not close it. */
  readonly file: StreamFile;
  /** Where clients connect. */
  readonly clients: PortOptions;
  /** Where the source connects; without it operations come from this process alone. */
  readonly source?: PortOptions;
  readonly limits?: Partial<ServerLimits>;
  readonly logger?: Logger;
  /** @internal Tests put another network in place. */
  readonly listen?: Listen;
}

interface Connection {
  tick(nowMs: number): void;
  close(): void;
  readonly peer: { destroy(reason: string): void };
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
  readonly #logger: Logger;
  readonly #clients = new Set<ClientConnection>();
  readonly #clientsByHost = new Map<string, number>();
  readonly #sources = new Set<SourceConnection>();
  /** Connections for which there was no room, as long as they are there. */
  readonly #refused = new Set<PeerSocket>();
  readonly #listeners: Listener[] = [];
  readonly #listenOn: Listen;
  readonly #unlisten: () => void;
  readonly #ticker: NodeJS.Timeout;
  #clientAddress: BoundAddress = { host: '', port: 0 };
  #sourceAddress: BoundAddress | undefined;
  #closing: Promise<void> | undefined;

  private constructor({ file, limits, logger, listen }: StreamServerOptions) {
    this.file = file;
    this.#listenOn = listen ?? listenTcp;
    this.#limits = { ...defaultLimits, ...limits };
    this.#logger = logger ?? silentLogger;
    this.#unlisten = file.listen({
      committed: () => {
        for (const client of this.#clients) client.committed();
      },
      truncated: (length) => {
        for (const client of this.#clients) client.truncated(length);
      },
    });
    this.#ticker = setInterval(() => {
      const nowMs = Date.now();
      for (const connection of this.#connections()) connection.tick(nowMs);
    }, TICK_MS);
    this.#ticker.unref();
  }

  /**
   * Starts serving; resolves when the ports are listened on.
   * @throws {ServerError} `listen`
   */
  static async start(options: StreamServerOptions): Promise<StreamServer> {
    const server = new StreamServer(options);
    try {
      const { clients, source } = options;
      server.#clientAddress = await server.#listen({ host: '0.0.0.0', ...clients }, (socket) => {
        server.#acceptClient(socket, clients.token);
      });
      if (source) {
        const gate = new SourceGate(options.file);
        server.#sourceAddress = await server.#listen({ host: '127.0.0.1', ...source }, (socket) => {
          server.#acceptSource(socket, gate, source.token);
        });
      }
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** Where clients connect. */
  get clientAddress(): BoundAddress {
    return this.#clientAddress;
  }

  /** Where the source connects, if it can. */
  get sourceAddress(): BoundAddress | undefined {
    return this.#sourceAddress;
  }

  /** Clients connected. */
  get clientCount(): number {
    return this.#clients.size;
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
    const closed = this.#listeners.map((listener) => listener.close());
    for (const connection of this.#connections()) connection.close();
    const timer = setTimeout(() => {
      for (const { peer } of this.#connections()) peer.destroy('shutting down');
      for (const peer of this.#refused) peer.destroy('shutting down');
    }, this.#limits.closeMs);
    await Promise.all(closed);
    clearTimeout(timer);
    clearInterval(this.#ticker);
    this.#unlisten();
  }

  *#connections(): Generator<Connection> {
    yield* this.#clients;
    yield* this.#sources;
  }

  async #listen({ host, port }: BoundAddress, accepted: (socket: ByteSocket) => void): Promise<BoundAddress> {
    const failed = (error: Error): void => {
      this.#logger.error({ host, port, error }, 'cannot accept connections');
    };
    try {
      const listener = await this.#listenOn({ host, port }, { accepted, failed });
      this.#listeners.push(listener);
      return listener.address;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ServerError('listen', `cannot listen on ${host} port ${port}: ${reason}`, { cause });
    }
  }

  #acceptClient(socket: ByteSocket, token: Uint8Array | undefined): void {
    const host = socket.remoteAddress ?? 'unknown';
    const fromHost = this.#clientsByHost.get(host) ?? 0;
    if (this.#clients.size >= this.#limits.clientsMax || fromHost >= this.#limits.clientsPerAddressMax) {
      this.#logger.warn({ peer: host, clients: this.#clients.size, fromHost }, 'client refused: server full');
      this.#refuse(socket);
      return;
    }
    const connection = new ClientConnection(socket, {
      file: this.file,
      token,
      limits: this.#limits,
      logger: this.#logger,
      closed: () => {
        this.#clients.delete(connection);
        const left = (this.#clientsByHost.get(host) ?? 1) - 1;
        if (left === 0) this.#clientsByHost.delete(host);
        else this.#clientsByHost.set(host, left);
      },
    });
    this.#clients.add(connection);
    this.#clientsByHost.set(host, fromHost + 1);
    this.#logger.debug({ peer: connection.peer.name }, 'client connected');
  }

  /** Tells a client that there is no room, and ends the connection. */
  #refuse(socket: ByteSocket): void {
    const peer = new PeerSocket(socket, {
      data: () => undefined,
      taken: () => undefined,
      closed: () => this.#refused.delete(peer),
    });
    this.#refused.add(peer);
    peer.write(encodeResult(result(ResultCode.serverFull)));
    peer.finish('server full');
  }

  #acceptSource(socket: ByteSocket, gate: SourceGate, token: Uint8Array | undefined): void {
    const connection = new SourceConnection(socket, {
      file: this.file,
      gate,
      token,
      limits: this.#limits,
      logger: this.#logger,
      closed: () => this.#sources.delete(connection),
    });
    this.#sources.add(connection);
  }
}
