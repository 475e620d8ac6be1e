/**
 * A relay: follows a server, another relay, or one of several, into a stream file of its own, and serves that file.
 *
 * What it receives it stores byte for byte, so that it has its upstream's entry numbers and bookmarks. It serves its file
 * only as long as nothing says that the upstream holds something else: while the upstream is away, it goes on serving; when
 * it comes back with another stream, clients are disconnected first, and what becomes of the file is settled then.
 */
import { ClientError } from '@ds/client';
import type { Header } from '@ds/codec';
import {
  StreamServer,
  type BoundAddress,
  type ClientStatus,
  type PortOptions,
  type WorkersStatus,
} from '@ds/server';
import { StreamFileError, type StreamFile } from '@ds/stream-file';

import { agrees, openAgreed } from './agreement.js';
import { copy } from './copy.js';
import { RelayError, relayError } from './errors.js';
import { checkOptions, loggerOf, type StreamRelayOptions } from './options.js';
import { Upstreams } from './upstreams.js';

export class StreamRelay implements AsyncDisposable {
  /**
   * Resolves when the relay is closed. Rejects with a `RelayError` when it cannot go on; it must still be closed then.
   * After a `mismatch` it has no clients any more, otherwise it still serves what it has.
   */
  readonly finished: Promise<void>;
  readonly #options: StreamRelayOptions;
  readonly #upstreams: Upstreams;
  readonly #closing: AbortController;
  #file: StreamFile;
  #server: StreamServer;
  #following = true;
  #upstreamEntries: bigint | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    options: StreamRelayOptions,
    upstreams: Upstreams,
    closing: AbortController,
    file: StreamFile,
    server: StreamServer,
  ) {
    this.#options = options;
    this.#upstreams = upstreams;
    this.#closing = closing;
    this.#file = file;
    this.#server = server;
    this.finished = this.#run();
    this.finished.catch(() => undefined);
  }

  /**
   * Starts a relay; resolves when its file is known to belong to the upstream's stream and is served. Waits for the
   * upstream as long as `retry` says; `signal` ends the wait.
   * @throws {RelayError} `mismatch`, `upstream`, `storage`, `bad-option` or `closed`
   * @throws {ServerError} `listen`
   */
  static async start(options: StreamRelayOptions, signal?: AbortSignal): Promise<StreamRelay> {
    const closing = new AbortController();
    const abort = (): void => {
      closing.abort();
    };
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    let file: StreamFile | undefined;
    try {
      checkOptions(options);
      const upstreams = new Upstreams(options);
      file = await openAgreed(options, upstreams, closing.signal);
      const server = await serve(file, options, options.clients);
      if (!closing.signal.aborted) return new StreamRelay(options, upstreams, closing, file, server);
      await server.close();
      throw closing.signal.reason;
    } catch (error) {
      await file?.close();
      if (!closing.signal.aborted) throw relayError(error);
      throw new RelayError('closed', 'the relay was closed before it was ready', { cause: error });
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Where clients connect. */
  get clientAddress(): BoundAddress {
    return this.#server.clientAddress;
  }

  /** Identity and committed size of what the relay has. */
  get header(): Header {
    return this.#file.header;
  }

  /** Whether the upstream was reached and is being followed. */
  get following(): boolean {
    return this.#following;
  }

  /**
   * How many entries the upstream had when it last said so; undefined until it has. With `headIntervalMs` it is asked over
   * again, else it says so when it is connected to.
   */
  get upstreamEntries(): bigint | undefined {
    return this.#upstreamEntries;
  }

  /** Why nothing can be stored any more, if that is so. */
  get failure(): StreamFileError | undefined {
    return this.#file.failure;
  }

  /** What keeping pages of its file in memory brings, and costs. See `StreamFile.cache`. */
  get cache(): StreamFile['cache'] {
    return this.#file.cache;
  }

  /** Each client as it is now. */
  clients(): Promise<readonly ClientStatus[]> {
    return this.#server.clients();
  }

  /** The processes that serve clients; undefined where this one does. */
  get workers(): WorkersStatus | undefined {
    return this.#server.workers;
  }

  /** Stops following, stores what was received, lets clients take what is on its way, and closes the file. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await this.finished.catch(() => undefined);
    await this.#server.close();
    await this.#file.close();
  }

  async #run(): Promise<void> {
    try {
      await this.#follow();
    } catch (error) {
      if (!this.#closing.signal.aborted) throw relayError(error);
    }
  }

  /** Follows the upstream over lost connections. Each time, the file must be found to be an upstream's again. */
  async #follow(): Promise<never> {
    const { signal } = this.#closing;
    const upstreams = this.#upstreams;
    const pause = upstreams.pause();
    for (;;) {
      try {
        await copy(this.#file, upstreams, signal, this.#options.headIntervalMs, {
          reached: ({ totalEntries }) => {
            this.#upstreamEntries = totalEntries;
            this.#following = true;
          },
          stored: () => {
            pause.reset();
          },
        });
      } catch (error) {
        if (signal.aborted || !isPassing(error)) throw error;
        this.#following = false;
        loggerOf(this.#options).warn({ path: this.#file.path, reason: error.message }, 'not following');
      }
      upstreams.next();
      await pause.wait(signal);
      if (!(await agrees(this.#file, upstreams, signal))) await this.#startAnew(signal);
    }
  }

  /** All upstreams hold another stream: serves nobody until the file is the upstream's again. */
  async #startAnew(signal: AbortSignal): Promise<void> {
    const { clientAddress } = this.#server;
    await this.#server.close();
    await this.#file.close();
    this.#file = await openAgreed(this.#options, this.#upstreams, signal);
    this.#server = await serve(this.#file, this.#options, { ...this.#options.clients, ...clientAddress });
  }
}

function serve(file: StreamFile, options: StreamRelayOptions, clients: PortOptions): Promise<StreamServer> {
  const { limits, observer, workers } = options;
  return StreamServer.start({
    ...options.network?.server,
    file,
    clients,
    logger: loggerOf(options),
    ...(workers && { workers }),
    ...(limits && { limits }),
    ...(observer && { observer }),
  });
}

/** Whether it can go on after this: the upstream is lost or has changed, or the disk is full for now. */
function isPassing(error: unknown): error is Error {
  if (error instanceof StreamFileError) return error.code === 'disk-full';
  return (
    error instanceof ClientError && !['protocol', 'sequence', 'bad-option', 'closed'].includes(error.code)
  );
}
