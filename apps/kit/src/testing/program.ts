/** An app under test, as a process of its own: the program that its users start. */

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';

export interface StartOptions {
  /** Variables besides PATH; nothing else of this process's environment gets through. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How a program ended, and all that it wrote. */
export interface EndedProgram {
  /** Null when a signal ended it. */
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Program extends AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  /** The addresses of its `ready` line. Rejects when it ends without one. */
  ready(): Promise<Record<string, string>>;
  /** Resolves when it has ended. */
  ended(): Promise<EndedProgram>;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<EndedProgram>;
}

/** Starts a program; `await using` kills it if it is still there. */
export function startProgram(path: string, args: readonly string[], options: StartOptions = {}): Program {
  const child = spawn(path, args, { env: { PATH: process.env['PATH'], ...options.env } });
  const written = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.err += text));
  const ended = once(child, 'close').then(([status]) => ({ status: status as number | null, ...written }));
  ended.catch(() => undefined);

  const readyLine = async (): Promise<string> => {
    for (;;) {
      const line = /^ready (.*)\n/m.exec(written.out)?.[1];
      if (line !== undefined) return line;
      const end = await Promise.race([ended, once(child.stdout, 'data').then(() => undefined)]);
      if (end) throw new Error(`${path} has ended before it was ready: ${end.err}`);
    }
  };
  return {
    child,
    ready: async () => JSON.parse(await readyLine()) as Record<string, string>,
    ended: () => ended,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
