/**
 * A worker: a process that serves the connections that the main process gives it, from the same file. It ends with the main
 * process, however that ends, and with nothing else: signals that a terminal or a supervisor sends to both are for that one.
 */
import type { Socket } from 'node:net';

import { StreamFileReader, type Extent } from '@ds/stream-file';

import { LocalClients } from '../clients/local-clients.js';
import { ServerError } from '../errors.js';
import type { Logger } from '../options.js';
import { EventCounter } from './counted-events.js';
import type { Answer, FromWorker, LogLevel, ToWorker, WorkerTask } from './messages.js';
import { WorkerStream } from './worker-stream.js';

const REPORT_INTERVAL_MS = 250;
const TICK_MS = 1_000;

class Worker {
  readonly #events = new EventCounter();
  readonly #stream: WorkerStream;
  readonly #clients: LocalClients;
  readonly #questions: Questions;
  /** Connections that have gone since that was last told. */
  #left: number[] = [];

  private constructor(task: WorkerTask, stream: WorkerStream, questions: Questions) {
    this.#stream = stream;
    this.#questions = questions;
    this.#clients = new LocalClients({
      file: stream,
      token: task.token === undefined ? undefined : Buffer.from(task.token, 'base64'),
      limits: task.limits,
      logger,
      observer: this.#events,
    });
    setInterval(() => {
      this.#report();
    }, REPORT_INTERVAL_MS);
    setInterval(() => {
      this.#clients.tick();
    }, TICK_MS);
  }

  static async open(task: WorkerTask, extent: Extent): Promise<Worker> {
    const questions = new Questions();
    const reader = await StreamFileReader.open(task.path, task.reading);
    const worker = new Worker(task, new WorkerStream(reader, extent, questions), questions);
    await worker.#clients.open(task.tls);
    return worker;
  }

  /** Does what the main process says. What it says next waits for what is returned. */
  async take(message: Exclude<ToWorker, { kind: 'open' }>, socket: Socket | undefined): Promise<void> {
    switch (message.kind) {
      case 'connection':
        this.#connect(message.id, socket);
        break;
      case 'committed':
        this.#follow(message.extent);
        break;
      case 'answer':
        this.#follow(message.extent);
        this.#questions.answer(message.id, message);
        break;
      case 'hold':
        await this.#stream.hold();
        send({ kind: 'held' });
        break;
      case 'truncated':
        this.#clients.truncated(message.length);
        break;
      case 'resume':
        await this.#stream.resume(message.extent);
        this.#clients.committed();
        break;
      case 'list':
        send({ kind: 'listed', id: message.id, clients: await this.#clients.status() });
        break;
      case 'close':
        void this.#close();
        break;
    }
  }

  #follow(extent: Extent): void {
    const before = this.#stream.committedLength;
    this.#stream.follow(extent);
    if (this.#stream.committedLength > before) this.#clients.committed();
  }

  #connect(id: number, socket: Socket | undefined): void {
    const left = (): void => {
      if (this.#left.length === 0)
        setImmediate(() => {
          this.#tellLeft();
        });
      this.#left.push(id);
    };
    // A connection that is gone before it has come all the way comes without a socket.
    if (!socket || socket.destroyed) {
      left();
      return;
    }
    socket.allowHalfOpen = true;
    this.#clients.take(socket, left);
  }

  #tellLeft(): void {
    if (this.#left.length === 0) return;
    send({ kind: 'left', ids: this.#left });
    this.#left = [];
  }

  #report(): void {
    const { user, system } = process.cpuUsage();
    const figures = {
      cache: this.#stream.cache,
      residentBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
    };
    send({ kind: 'report', events: this.#events.take(), figures });
  }

  async #close(): Promise<void> {
    await this.#clients.close();
    // What has ended last is still to be told of.
    setImmediate(() => {
      this.#tellLeft();
      this.#report();
      process.disconnect();
    });
  }
}

/** What the main process was asked and has not answered. */
class Questions {
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #next = 0;

  ask(bookmark?: Uint8Array): Promise<Answer> {
    const id = this.#next++;
    send({ kind: 'ask', id, ...(bookmark && { bookmark: Buffer.from(bookmark).toString('hex') }) });
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  answer(id: number, answer: Answer): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}

/** The main process writes the log. */
const log =
  (level: LogLevel) =>
  (fields: object, message: string): void => {
    const entries = Object.entries(fields).map(([name, value]: [string, unknown]) => [
      name,
      value instanceof Error
        ? (value.stack ?? value.message)
        : typeof value === 'bigint'
          ? `${value}`
          : value,
    ]);
    send({ kind: 'log', level, fields: Object.fromEntries(entries) as object, message });
  };
const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };

function send(message: FromWorker): void {
  // It fails when the main process is gone, which is told as `disconnect`.
  process.send?.(message, undefined, undefined, () => undefined);
}

let worker: Worker | undefined;
let turn: Promise<void> = Promise.resolve();

async function take(message: ToWorker, socket: Socket | undefined): Promise<void> {
  if (message.kind !== 'open') return worker?.take(message, socket);
  try {
    worker = await Worker.open(message.task, message.extent);
    send({ kind: 'ready' });
  } catch (error) {
    const code = error instanceof ServerError ? error.code : 'worker';
    send({ kind: 'failed', code, reason: error instanceof Error ? error.message : String(error) });
    process.disconnect();
  }
}

process.on('message', (message, socket) => {
  // One that is reset while it waits for its turn is found to be gone then; told to nobody, its error would end the worker.
  (socket as Socket | undefined)?.on('error', () => undefined);
  turn = turn.then(() => take(message as ToWorker, socket as Socket | undefined));
});
process.on('disconnect', () => {
  process.exit();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
