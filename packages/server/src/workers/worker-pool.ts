/**
 * Clients served by processes of their own: connections are accepted here and handed over, each to the worker that has the
 * fewest. Workers read the stream file themselves, and are told how far they may read it.
 *
 * A worker that ends takes its connections with it, and is started again, after a while if it does not last. While what is
 * committed is being changed, all of them stand still: none is started, and none reads the file.
 */
import { fileURLToPath } from 'node:url';

import type { Extent, StreamFile } from '@ds/stream-file';

import type { ClientHost } from '../clients/client-host.js';
import { StreamTail } from '../clients/stream-tail.js';
import { ServerError } from '../errors.js';
import type { ClientStatus, ServerObserver } from '../observer.js';
import type { Logger, ServerLimits } from '../options.js';
import type { Descriptors } from '../ports/descriptors.js';
import type { ByteSocket } from '../ports/listener.js';
import type { TlsFiles } from '../ports/tls.js';
import { replay } from './counted-events.js';
import type { Answer, WorkerFigures, WorkerTask } from './messages.js';
import { WorkerProcess } from './worker-process.js';

/** Which processes serve clients. */
export interface WorkerOptions {
  /** How many: at least 1. */
  readonly count: number;
  /** Pages of the file that each keeps in memory, 1 MiB each. Default 32. */
  readonly cachePages?: number | undefined;
  /** @internal Tests run from sources. */
  readonly program?: string;
  /** @internal Tests use small pages. */
  readonly pageBytes?: number | undefined;
}

/** How workers have fared. Figures are a quarter of a second old, and those that only grow count workers that have ended. */
export interface WorkersStatus extends WorkerFigures {
  /** Processes that serve. */
  readonly running: number;
  /** Processes that have ended though nobody had asked them to. */
  readonly lost: number;
}

interface WorkerPoolContext {
  readonly file: StreamFile;
  readonly token: Uint8Array | undefined;
  readonly limits: ServerLimits;
  readonly descriptors: Descriptors;
  readonly logger: Logger;
  readonly observer: ServerObserver | undefined;
}

/** A worker that has said nothing for so many seconds is taken to be stuck, and killed. It says something each quarter of one. */
const SILENT_TICKS_MAX = 10;
/** After how long a worker that has ended is replaced: at first, and at most. One that has lasted as long counts as good. */
const RESTART_MS_MIN = 100;
const RESTART_MS_MAX = 10_000;
const CACHE_PAGES = 32;
/** As the file itself does. */
const VERIFY_INTERVAL_MS = 3_600_000;

const NOTHING: WorkerFigures = {
  cache: { hits: 0, misses: 0, bytes: 0, pagesOnLoan: 0 },
  residentBytes: 0,
  cpuSeconds: 0,
};

export class WorkerPool implements ClientHost {
  readonly #options: WorkerOptions;
  readonly #context: WorkerPoolContext;
  readonly #connectionsMax: number;
  readonly #workers = new Set<WorkerProcess>();
  readonly #tail: StreamTail;
  readonly #restarts = new Set<NodeJS.Timeout>();
  #restartMs = RESTART_MS_MIN;
  #tls: TlsFiles | undefined;
  #isHeld = false;
  #isClosing = false;
  #lost = 0;
  /** Of workers that have ended. */
  #ended = NOTHING;
  #listing: Promise<readonly ClientStatus[]> | undefined;

  constructor(options: WorkerOptions, context: WorkerPoolContext) {
    this.#options = options;
    this.#context = context;
    this.#connectionsMax = context.descriptors.roomElsewhere;
    this.#tail = new StreamTail(context.file, () => {
      for (const worker of this.#workers) worker.tell(() => this.#extent);
    });
  }

  /**
   * Starts the workers; resolves when they serve.
   * @throws {ServerError} `tls` or `worker`
   */
  async open(tls: TlsFiles | undefined): Promise<void> {
    const { count } = this.#options;
    if (!Number.isSafeInteger(count) || count < 1)
      throw new ServerError('worker', `${count} is no number of workers`);
    this.#tls = tls;
    const workers = Array.from({ length: count }, () => this.#start());
    await Promise.all(workers.map(({ ready }) => ready));
  }

  get hasRoom(): boolean {
    const worker = this.#idlest;
    return worker !== undefined && worker.size < this.#connectionsMax;
  }

  take(socket: ByteSocket, left: () => void): void {
    const worker = this.#idlest;
    if (worker) worker.take(socket, left);
    else {
      socket.destroy();
      left();
    }
  }

  get size(): number {
    let size = 0;
    for (const worker of this.#workers) size += worker.size;
    return size;
  }

  get workers(): WorkersStatus {
    let running = 0;
    let figures = this.#ended;
    for (const worker of this.#workers) {
      if (worker.isReady) running++;
      figures = sumOf(figures, worker.figures ?? NOTHING);
    }
    return { running, lost: this.#lost, ...figures };
  }

  status(): Promise<readonly ClientStatus[]> {
    this.#listing ??= Promise.all(Array.from(this.#workers, (worker) => worker.list())).then((lists) => {
      this.#listing = undefined;
      return lists.flat();
    });
    return this.#listing;
  }

  committed(): void {
    this.#tail.committed();
  }

  truncated(length: number): void {
    this.#tail.truncated(length);
    for (const worker of this.#workers) if (worker.isServing) worker.truncated(length);
  }

  async changing(): Promise<void> {
    this.#isHeld = true;
    await Promise.all(Array.from(this.#workers, (worker) => worker.hold()));
  }

  changed(): void {
    this.#isHeld = false;
    for (const worker of this.#workers) {
      if (worker.isServing) worker.resume(this.#extent);
      else worker.open(this.#task, this.#extent);
    }
  }

  tick(): void {
    for (const worker of this.#workers) {
      if (worker.looks() < SILENT_TICKS_MAX) continue;
      this.#context.logger.error({ worker: worker.pid, clients: worker.size }, 'worker is stuck: killed');
      worker.kill();
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    const workers = [...this.#workers];
    for (const worker of workers) worker.close();
    await Promise.all(workers.map(({ gone }) => gone));
    this.#tail.close();
  }

  destroy(): void {
    for (const worker of this.#workers) worker.kill();
  }

  get #extent(): Extent {
    const { committedLength, header } = this.#context.file;
    return { length: committedLength, entries: Number(header.totalEntries) };
  }

  get #task(): WorkerTask {
    const { file, token, limits } = this.#context;
    const { cachePages = CACHE_PAGES, pageBytes } = this.#options;
    const reading = {
      cachePages,
      verifyIntervalMs: VERIFY_INTERVAL_MS,
      ...(pageBytes !== undefined && { pageBytes }),
    };
    return {
      path: file.path,
      reading,
      limits,
      ...(token && { token: Buffer.from(token).toString('base64') }),
      ...(this.#tls && { tls: this.#tls }),
    };
  }

  /** The worker that has the fewest connections, of those that serve. */
  get #idlest(): WorkerProcess | undefined {
    let idlest: WorkerProcess | undefined;
    for (const worker of this.#workers) {
      if (worker.isReady && (!idlest || worker.size < idlest.size)) idlest = worker;
    }
    return idlest;
  }

  #start(): WorkerProcess {
    const { logger, observer } = this.#context;
    const program = this.#options.program ?? fileURLToPath(new URL('./worker-program.js', import.meta.url));
    const worker = new WorkerProcess(program, {
      said: (message) => {
        switch (message.kind) {
          case 'ask':
            worker.answer({
              kind: 'answer',
              id: message.id,
              ...this.#find(message.bookmark),
              extent: this.#extent,
            });
            break;
          case 'report':
            if (observer) replay(message.events, observer);
            break;
          case 'log':
            logger[message.level]({ worker: worker.pid, ...message.fields }, message.message);
            break;
        }
      },
      ended: (how) => {
        this.#workers.delete(worker);
        this.#ended = sumOf(this.#ended, lasting(worker.figures ?? NOTHING));
        if (!this.#isClosing) this.#replace(worker, how);
      },
    });
    this.#workers.add(worker);
    if (!this.#isHeld) worker.open(this.#task, this.#extent);
    logger.debug({ worker: worker.pid }, 'worker started');
    return worker;
  }

  #find(bookmark: string | undefined): Answer {
    if (bookmark === undefined) return {};
    try {
      const entry = this.#context.file.getBookmark(Buffer.from(bookmark, 'hex'));
      return entry === undefined ? {} : { entry: Number(entry) };
    } catch (error) {
      return { error: String(error) };
    }
  }

  #replace({ pid, startedMs }: WorkerProcess, how: string): void {
    this.#lost++;
    if (performance.now() - startedMs > RESTART_MS_MAX) this.#restartMs = RESTART_MS_MIN;
    this.#context.logger.error({ worker: pid, how, againMs: this.#restartMs }, 'worker has ended');
    this.#startLater();
  }

  #startLater(): void {
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      try {
        this.#start();
      } catch (error) {
        this.#context.logger.error({ error, againMs: this.#restartMs }, 'worker cannot be started');
        this.#startLater();
      }
    }, this.#restartMs);
    this.#restarts.add(timer);
    this.#restartMs = Math.min(2 * this.#restartMs, RESTART_MS_MAX);
  }
}

function sumOf(one: WorkerFigures, other: WorkerFigures): WorkerFigures {
  return {
    cache: {
      hits: one.cache.hits + other.cache.hits,
      misses: one.cache.misses + other.cache.misses,
      bytes: one.cache.bytes + other.cache.bytes,
      pagesOnLoan: one.cache.pagesOnLoan + other.cache.pagesOnLoan,
    },
    residentBytes: one.residentBytes + other.residentBytes,
    cpuSeconds: one.cpuSeconds + other.cpuSeconds,
  };
}

/** What is left of a worker's figures when it has ended: what only grows. */
function lasting({ cache: { hits, misses }, cpuSeconds }: WorkerFigures): WorkerFigures {
  return { cache: { ...NOTHING.cache, hits, misses }, residentBytes: 0, cpuSeconds };
}
