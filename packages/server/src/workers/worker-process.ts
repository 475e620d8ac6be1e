/** One worker as the main process sees it: from its start to its end. */
import { fork, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';

import type { Extent } from '@ds/stream-file';

import { ServerError } from '../errors.js';
import type { ClientStatus } from '../observer.js';
import type { ByteSocket } from '../ports/listener.js';
import type { FromWorker, ToWorker, WorkerFigures, WorkerTask } from './messages.js';

/** What its owner does for it, and is told. */
export interface WorkerEvents {
  /** It has said something that is not about one of the calls here. */
  said(message: Extract<FromWorker, { kind: 'ask' | 'report' | 'log' }>): void;
  /** It is gone, and its connections with it. Told once, last. `how` says what has ended it. */
  ended(how: string): void;
}

interface HandedOver {
  readonly socket: Socket;
  readonly left: () => void;
}

export class WorkerProcess {
  /** Resolves when it serves; rejects with a `ServerError` if it has ended before. */
  readonly ready: Promise<void>;
  /** Resolves when it is gone. */
  readonly gone: Promise<void>;
  /** When it was started, as of `performance.now`. */
  readonly startedMs = performance.now();
  /** What it has said last of itself. */
  figures: WorkerFigures | undefined;
  readonly #child: ChildProcess;
  readonly #events: WorkerEvents;
  readonly #connections = new Map<number, HandedOver>();
  readonly #listings = new Map<number, (clients: readonly ClientStatus[]) => void>();
  #nextId = 0;
  #isOpen = false;
  #isReady = false;
  #isGone = false;
  /** Why it could not begin, by its own words. */
  #failure: string | undefined;
  /** Calls of `looks` since it has said something. */
  #silentLooks = 0;
  /** What `hold` has returned waits for this. */
  #held: (() => void) | undefined;
  /** How far the stream is, as soon as the last such message is on its way. */
  #untold: (() => Extent) | undefined;
  #isTelling = false;
  #became: { ready: () => void; failed: (error: ServerError) => void } | undefined;

  /** @throws {ServerError} `worker` if the system has no room for a process */
  constructor(program: string, events: WorkerEvents) {
    this.#events = events;
    this.ready = new Promise((ready, failed) => (this.#became = { ready, failed }));
    this.ready.catch(() => undefined);
    this.#child = forked(program);
    this.gone = new Promise((resolve) => {
      const end = (how: string): void => {
        if (this.#isGone) return;
        this.#end(how);
        resolve();
      };
      this.#child.on('error', (error) => {
        // Of one that was started, `exit` tells.
        if (this.#child.pid === undefined) end(error.message);
      });
      this.#child.on('exit', (code, signal) => {
        end(signal ?? `exit code ${code ?? 'unknown'}`);
      });
    });
    this.#child.on('message', (message) => {
      this.#silentLooks = 0;
      this.#take(message as FromWorker);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Connections that it has. */
  get size(): number {
    return this.#connections.size;
  }

  /** Whether it has been told what to serve, and is there. */
  get isServing(): boolean {
    return this.#isOpen && !this.#isGone;
  }

  /** Whether it has said that it serves, and is there. Before, nobody in it would notice that a connection has failed. */
  get isReady(): boolean {
    return this.#isReady && !this.#isGone;
  }

  /** How often this was asked since it has last said anything, or was told what to serve: before, it has nothing to say. */
  looks(): number {
    return this.#isOpen ? this.#silentLooks++ : 0;
  }

  open(task: WorkerTask, extent: Extent): void {
    this.#isOpen = true;
    this.#send({ kind: 'open', task, extent });
  }

  /** Gives it a connection of which nothing was read; `left` is called when that is gone. */
  take(socket: ByteSocket, left: () => void): void {
    if (!(socket instanceof Socket)) throw new TypeError('only a TCP connection can be handed to a worker');
    const id = this.#nextId++;
    this.#connections.set(id, { socket, left });
    socket.on('error', () => undefined);
    // Node would close it when the worker has confirmed it, and leave it open for ever if that dies before.
    const sent = (): void => {
      socket.destroy();
    };
    this.#send({ kind: 'connection', id }, sent, socket);
  }

  /** Tells it how far the stream is: once for all that happens while the last word is on its way. */
  tell(extent: () => Extent): void {
    if (!this.isServing) return;
    this.#untold = extent;
    if (this.#isTelling) return;
    this.#isTelling = true;
    this.#tellOnce();
  }

  #tellOnce(): void {
    const extent = this.#untold;
    this.#untold = undefined;
    if (!extent || this.#isGone) {
      this.#isTelling = false;
      return;
    }
    this.#send({ kind: 'committed', extent: extent() }, () => {
      this.#tellOnce();
    });
  }

  /** Has it read nothing of the file until `resume`; resolves when that is so. */
  hold(): Promise<void> {
    if (this.#isGone) return Promise.resolve();
    this.#send({ kind: 'hold' });
    return new Promise((resolve) => (this.#held = resolve));
  }

  truncated(length: number): void {
    this.#send({ kind: 'truncated', length });
  }

  resume(extent: Extent): void {
    this.#send({ kind: 'resume', extent });
  }

  answer(answer: Extract<ToWorker, { kind: 'answer' }>): void {
    this.#send(answer);
  }

  /** Its clients as they are now; none if it ends meanwhile. */
  list(): Promise<readonly ClientStatus[]> {
    if (!this.isServing) return Promise.resolve([]);
    const id = this.#nextId++;
    this.#send({ kind: 'list', id });
    return new Promise((resolve) => this.#listings.set(id, resolve));
  }

  /** Ends its connections, then the process. One that has not begun to serve is ended at once. */
  close(): void {
    if (this.#isOpen) this.#send({ kind: 'close' });
    else this.kill();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: ToWorker, sent: () => void = () => undefined, socket?: Socket): void {
    // One that could not be started has no channel, and ends at once.
    if (this.#child.pid === undefined) return;
    // What fails to be sent to one that is gone, or about to be, needs nothing more to be done than `ended` does.
    this.#child.send(message, socket, { keepOpen: true }, sent);
  }

  #take(message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
        this.#isReady = true;
        this.#became?.ready();
        break;
      case 'failed':
        this.#failure = message.reason;
        this.#became?.failed(new ServerError(message.code, message.reason));
        break;
      case 'held':
        this.#held?.();
        break;
      case 'left':
        for (const id of message.ids) {
          this.#connections.get(id)?.left();
          this.#connections.delete(id);
        }
        break;
      case 'listed':
        this.#listings.get(message.id)?.(message.clients);
        this.#listings.delete(message.id);
        break;
      case 'report':
        this.figures = message.figures;
        this.#events.said(message);
        break;
      default:
        this.#events.said(message);
    }
  }

  #end(how: string): void {
    this.#isGone = true;
    this.#became?.failed(new ServerError('worker', `a worker could not begin: ${how}`));
    for (const { socket, left } of this.#connections.values()) {
      // It may not have been sent yet.
      socket.destroy();
      left();
    }
    this.#connections.clear();
    for (const listed of this.#listings.values()) listed([]);
    this.#listings.clear();
    this.#held?.();
    this.#events.ended(this.#failure ?? how);
  }
}

function forked(program: string): ChildProcess {
  try {
    return fork(program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServerError('worker', `a worker could not be started: ${reason}`, { cause });
  }
}
