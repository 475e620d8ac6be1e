/**
 * A relay: follows a server, or another relay, into a stream file of its own, and serves that file.
 *
 * What it receives it stores byte for byte, so that it has its upstream's entry numbers and bookmarks. It only goes on
 * where the upstream still has the relay's last entry; otherwise the file belongs to another stream, and nothing is served
 * before that is settled.
 */
import { ClientError, StreamClient, type FollowState, type RetryOptions } from '@ds/client';
import { encodeEntry, equalBytes, type Header } from '@ds/codec';
import {
  StreamServer,
  type BoundAddress,
  type ListenAddress,
  type Logger,
  type ServerLimits,
} from '@ds/server';
import { StreamFile, StreamFileError, type StreamFileOptions } from '@ds/stream-file';

import { commonPrefix } from './common-prefix.js';
import { RelayError } from './errors.js';

export interface StreamRelayOptions {
  /** The server to follow: `host:port` of its client port, or both apart. */
  readonly upstream: string | { readonly host: string; readonly port: number };
  /** The stream's type, as the upstream has it. Default 1, a sequencer's. */
  readonly streamType?: bigint;
  /** Path of the relay's own stream file. It is made if it is not there. */
  readonly path: string;
  /** How the file is opened. */
  readonly file?: Omit<StreamFileOptions, 'create'>;
  /** Where clients connect. */
  readonly clients: ListenAddress;
  readonly limits?: Partial<ServerLimits>;
  /**
   * What to do when the file does not belong to the upstream's stream: `stop` with an error; `truncate` it to where both
   * are the same; or `restart` with an empty one. Default `stop`.
   */
  readonly onMismatch?: 'stop' | 'truncate' | 'restart';
  /** Time to connect and time for an answer, in milliseconds. Default 10 s each. */
  readonly connectMs?: number;
  readonly answerMs?: number;
  /** When a lost upstream is tried again. Default: for ever, at least every 10 s. */
  readonly retry?: Partial<RetryOptions>;
  readonly logger?: Logger;
}

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export class StreamRelay implements AsyncDisposable {
  /** Resolves when the relay is closed. Rejects with a `RelayError` when it cannot go on; it must still be closed then. */
  readonly finished: Promise<void>;
  readonly #options: StreamRelayOptions;
  readonly #logger: Logger;
  readonly #file: StreamFile;
  readonly #server: StreamServer;
  readonly #upstream: StreamClient;
  readonly #closing: AbortController;
  #closed: Promise<void> | undefined;

  private constructor(parts: {
    options: StreamRelayOptions;
    logger: Logger;
    file: StreamFile;
    server: StreamServer;
    upstream: StreamClient;
    closing: AbortController;
  }) {
    this.#options = parts.options;
    this.#logger = parts.logger;
    this.#file = parts.file;
    this.#server = parts.server;
    this.#upstream = parts.upstream;
    this.#closing = parts.closing;
    this.finished = this.#follow();
    this.finished.catch(() => undefined);
  }

  /**
   * Starts a relay; resolves when its file is known to belong to the upstream's stream and is served. Waits for the
   * upstream as long as `retry` says; `signal` ends the wait.
   * @throws {RelayError} `mismatch`, `upstream` or `closed`; or what opening the file or the port throws
   */
  static async start(options: StreamRelayOptions, signal?: AbortSignal): Promise<StreamRelay> {
    const logger = options.logger ?? silent;
    const closing = new AbortController();
    const abort = (): void => {
      closing.abort();
    };
    signal?.addEventListener('abort', abort, { once: true });
    const upstream = makeClient(options, logger);
    let file: StreamFile | undefined;
    try {
      if (signal?.aborted) abort();
      file = await openFile(options, await upstream.reach(closing.signal), logger);
      await settle(file, upstream, options, logger, closing.signal);
      const { clients, limits } = options;
      const server = await StreamServer.start({ file, clients, logger, ...(limits && { limits }) });
      return new StreamRelay({ options, logger, file, server, upstream, closing });
    } catch (error) {
      await upstream.close();
      await file?.close();
      throw relayError(error, options);
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
    await this.#upstream.close();
    await this.finished.catch(() => undefined);
    await this.#server.close();
    await this.#file.close();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      try {
        await this.#copy();
      } catch (error) {
        if (signal.aborted) return;
        if (!isMismatch(error)) throw relayError(error, this.#options);
        await settle(this.#file, this.#upstream, this.#options, this.#logger, signal);
      }
    }
  }

  /** Stores what the upstream has behind the file's last entry, for ever. */
  async #copy(): Promise<void> {
    const file = this.#file;
    const from = file.nextEntry;
    const after = from > 0n ? await file.getEntryBytes(from - 1n) : undefined;
    const { signal } = this.#closing;
    let failure: unknown;
    let committing: Promise<unknown> = Promise.resolve();
    try {
      for await (const batch of this.#upstream.followBatches({ from, signal, ...(after && { after }) })) {
        await file.ready();
        if (failure !== undefined) break;
        file.startAtomicOp();
        file.addStreamBatch(batch);
        committing = file.commitAtomicOp().catch((error: unknown) => (failure = error));
      }
    } finally {
      await committing;
    }
    if (failure !== undefined) throw failure as Error;
  }
}

function makeClient(options: StreamRelayOptions, logger: Logger): StreamClient {
  const { upstream, streamType, connectMs, answerMs, retry } = options;
  return new StreamClient({
    server: upstream,
    ...(streamType !== undefined && { streamType }),
    ...(connectMs !== undefined && { connectMs }),
    ...(answerMs !== undefined && { answerMs }),
    retry: { attemptsMax: Number.POSITIVE_INFINITY, ...retry },
    onState: (state) => {
      logState(logger, state);
    },
  });
}

function logState(logger: Logger, state: FollowState): void {
  switch (state.kind) {
    case 'connecting':
      logger.debug({ upstream: state.server }, 'connecting to upstream');
      break;
    case 'streaming':
      logger.info({ upstream: state.server, totalEntries: state.header.totalEntries }, 'following upstream');
      break;
    case 'reconnecting':
      logger.warn({ upstream: state.server, reason: state.error.message }, 'upstream lost, trying again');
  }
}

async function openFile(options: StreamRelayOptions, header: Header, logger: Logger): Promise<StreamFile> {
  const { path, file, onMismatch } = options;
  const { version, systemId, streamType } = header;
  const create = { version, systemId, streamType };
  try {
    return await StreamFile.open(path, { ...file, create });
  } catch (error) {
    if (!(error instanceof StreamFileError) || error.code !== 'identity-mismatch' || onMismatch !== 'restart')
      throw error;
    logger.warn({ path, reason: error.message }, 'the file is of another stream: starting anew');
    await StreamFile.remove(path);
    return StreamFile.open(path, { ...file, create });
  }
}

/** Makes sure that what the file holds is what the upstream holds, as far as it goes, or does what was asked for if not. */
async function settle(
  file: StreamFile,
  upstream: StreamClient,
  options: StreamRelayOptions,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const header = await upstream.reach(signal);
    try {
      await settleWith(file, upstream, header, options, logger, signal);
      return;
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
    }
  }
}

async function settleWith(
  file: StreamFile,
  upstream: StreamClient,
  header: Header,
  { onMismatch = 'stop', path }: StreamRelayOptions,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const own = file.header.totalEntries;
  const mismatch = await findMismatch(file, upstream, header);
  if (mismatch === undefined) return;
  if (onMismatch === 'stop') {
    throw new RelayError(
      'mismatch',
      `${path} does not belong to the upstream's stream: ${mismatch}. Give the relay another file, or have it truncate ` +
        'this one to where both are the same, or start anew',
    );
  }
  const shared = own < header.totalEntries ? own : header.totalEntries;
  const keep = onMismatch === 'truncate' ? await commonPrefix(file, upstream, shared, signal) : 0n;
  logger.warn(
    { path, reason: mismatch, entriesBefore: own, entriesKept: keep },
    "not the upstream's stream: truncating",
  );
  if (keep < own) await file.truncateFile(keep);
}

/** Why the file does not belong to the upstream's stream, in words; undefined if it does. */
async function findMismatch(
  file: StreamFile,
  upstream: StreamClient,
  header: Header,
): Promise<string | undefined> {
  for (const field of ['systemId', 'streamType', 'version'] as const) {
    if (file.identity[field] === header[field]) continue;
    const message = `${file.path}: its ${field} is ${file.identity[field]}, the upstream's ${header[field]}`;
    throw new RelayError('mismatch', message);
  }
  const own = file.header.totalEntries;
  if (own > header.totalEntries) return `it holds ${own} entries, the upstream ${header.totalEntries}`;
  if (own === 0n) return undefined;
  const [ownLast, upstreamLast] = await Promise.all([file.getEntry(own - 1n), upstream.entry(own - 1n)]);
  if (ownLast && upstreamLast && equalBytes(encodeEntry(ownLast), encodeEntry(upstreamLast))) {
    return undefined;
  }
  return `its last entry, ${own - 1n}, is not the upstream's`;
}

/** Whether the upstream's stream is not the one that was followed so far. */
function isMismatch(error: unknown): error is ClientError {
  return error instanceof ClientError && (error.code === 'beyond-end' || error.code === 'wrong-stream');
}

function isConnectionLoss(error: unknown): boolean {
  return error instanceof ClientError && ['connect', 'disconnected', 'timeout'].includes(error.code);
}

function relayError(error: unknown, { path }: StreamRelayOptions): unknown {
  if (error instanceof StreamFileError) {
    const code = error.code === 'identity-mismatch' ? 'mismatch' : 'storage';
    return new RelayError(code, error.message, { cause: error });
  }
  if (!(error instanceof ClientError)) return error;
  if (error.code === 'closed') return new RelayError('closed', 'the relay was closed', { cause: error });
  return new RelayError('upstream', `${path}: cannot follow the upstream: ${error.message}`, {
    cause: error,
  });
}
