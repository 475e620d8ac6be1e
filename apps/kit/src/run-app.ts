/**
 * An app's life as a process. It ends in one way only: `main` settles (or something unforeseen happens), what was
 * written is flushed, then the process exits with 0 (done or told to stop), 1 (failed) or 2 (misused). Only where the
 * system does not come back from a call, so that an exit would not either, it is killed.
 */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import type { Logger } from 'pino';
import type { App, AppContext } from './app.js';
import { describeError, UsageError } from './errors.js';
import { createLogger } from './logger.js';
import { parseApp } from './parse-app.js';
import { StuckError } from './stuck.js';
import { formatAddress } from './text-forms.js';

const { stdout, stderr } = process;

/** Supervisors and terminals deliver one request to stop as several signals, milliseconds apart. */
const REPEATED_SIGNAL_MS = 1000;

/** What the process is told from outside, or does by mistake. */
interface ProcessEvents {
  /** Fires on the first SIGINT or SIGTERM, and when the reader of stdout is gone. */
  readonly signal: AbortSignal;
  /** Rejects when `main` can't be waited for any longer: an uncaught error, or nothing left that could wake it. */
  readonly failure: Promise<never>;
  /** Whether the reader of stdout is gone. */
  readonly isPipeClosed: () => boolean;
}

/**
 * Runs an app with this process's arguments and environment, and ends the process.
 *
 * SIGINT and SIGTERM fire `context.signal`; another one a second later or more ends the process at once, as if nothing
 * handled it. A reader of stdout that goes away (`| head`) stops the app too, quietly.
 */
export async function runApp(app: App): Promise<void> {
  let logger: Logger | undefined;
  const events = watchProcess((err, origin) => logger?.fatal({ err }, origin));
  let status = 0;
  let isStuck = false;
  try {
    const invocation = parseApp(app, {
      argv: process.argv.slice(2),
      env: process.env,
      readFile: (path) => readFileSync(path, 'utf8'),
      ...(stdout.isTTY && stdout.columns > 0 && { columns: stdout.columns }),
    });
    if (invocation.kind === 'print') {
      stdout.write(invocation.text);
    } else {
      logger = createLogger(app.name, invocation.logLevel, stderr);
      logger.debug({ options: invocation.printable }, 'options');
      const context = makeContext(logger, events);
      await Promise.race([invocation.run(context), events.failure]);
    }
  } catch (error) {
    isStuck = error instanceof StuckError;
    const isQuiet = !isStuck && (events.isPipeClosed() || isAbort(error, events.signal));
    if (!isQuiet) status = report(app, error, logger);
  }
  const unwritten = await flush(stdout);
  if (status === 0 && unwritten !== undefined && !isBrokenPipe(unwritten)) {
    status = report(app, new Error("can't write to stdout", { cause: unwritten }), logger);
  }
  await flush(stderr);
  if (isStuck) endAtOnce('SIGKILL');
  process.exit(status);
}

/**
 * Has a signal end the process, whatever its threads are waiting for. An exit would wait for those that are in a call to the
 * system, and a disk that is dead does not let them go.
 */
function endAtOnce(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): never {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // The first process of a container is spared by its own signals, but not by an abort.
  process.abort();
}

function watchProcess(onUncaught: (error: Error, origin: string) => void): ProcessEvents {
  const stop = new AbortController();
  let isPipeClosed = false;

  let firstSignalMs: number | undefined;
  const onSignal = (name: 'SIGINT' | 'SIGTERM') => {
    const nowMs = performance.now();
    firstSignalMs ??= nowMs;
    if (nowMs - firstSignalMs >= REPEATED_SIGNAL_MS) endAtOnce(name);
    stop.abort(new DOMException(`stopping: ${name}`, 'AbortError'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);

  const failure = new Promise<never>((_resolve, reject) => {
    process.on('uncaughtException', (cause, origin) => {
      const kind = origin === 'unhandledRejection' ? 'unhandled rejection' : 'uncaught exception';
      onUncaught(cause, kind);
      reject(new Error(kind, { cause }));
    });
    process.on('beforeExit', () => {
      reject(new Error('came to a standstill: nothing is left that could end it'));
    });
    stdout.on('error', (cause) => {
      if (!isBrokenPipe(cause)) {
        reject(new Error("can't write to stdout", { cause }));
        return;
      }
      isPipeClosed = true;
      stop.abort(new DOMException('stopping: the reader of stdout is gone', 'AbortError'));
    });
  });
  failure.catch(() => undefined);
  // With nobody left to read the log, the work itself still goes on.
  stderr.on('error', () => undefined);

  return { signal: stop.signal, failure, isPipeClosed: () => isPipeClosed };
}

function makeContext(logger: Logger, { signal, isPipeClosed }: ProcessEvents): AppContext {
  const stopped = signal.aborted ? Promise.resolve() : once(signal, 'abort').then(() => undefined);
  void stopped.then(() => {
    logger[isPipeClosed() ? 'debug' : 'info'](describeError(signal.reason));
  });
  let isReady = false;
  return {
    logger,
    signal,
    stopped,
    ready(addresses) {
      if (isReady) throw new Error('ready() was called twice: a daemon says so once');
      isReady = true;
      const written = Object.entries(addresses).map(([name, address]) => [
        name,
        typeof address === 'string' ? address : formatAddress(address),
      ]);
      stdout.write(`ready ${JSON.stringify(Object.fromEntries(written))}\n`);
    },
    async write(chunk) {
      if (!stdout.write(chunk)) await once(stdout, 'drain', { signal });
    },
  };
}

/** Says on stderr why the app ends, with stacks at `--log-level debug` or finer, and gives the status to end with. */
function report(app: App, error: unknown, logger: Logger | undefined): 1 | 2 {
  logger?.debug({ err: error }, 'failed');
  stderr.write(`${app.name}: ${describeError(error)}\n`);
  if (!(error instanceof UsageError)) return 1;
  stderr.write(`see ${app.name} --help\n`);
  return 2;
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError');
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}

/** Waits until a stream has handed on all that was written to it; gives the error if it can't. */
function flush(stream: Writable): Promise<Error | undefined> {
  return new Promise((resolve) => {
    stream.write('', (error) => {
      resolve(error ?? undefined);
    });
  });
}
