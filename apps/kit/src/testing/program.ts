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
  /** Resolves when what it has written on stdout or stderr matches. Rejects when it ends without that. */
  writes(stream: 'out' | 'err', pattern: RegExp): Promise<RegExpExecArray>;
  /** What it has written on stdout so far. */
  outBytes(): Uint8Array;
  /** Resolves when it has ended. */
  ended(): Promise<EndedProgram>;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<EndedProgram>;
}

/** Starts a program; `await using` kills it if it is still there. */
export function startProgram(path: string, args: readonly string[], options: StartOptions = {}): Program {
  const child = spawn(path, args, { env: { PATH: process.env['PATH'], ...options.env } });
  const written: Record<'out' | 'err', Buffer[]> = { out: [], err: [] };
  child.stdout.on('data', (chunk: Buffer) => written.out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => written.err.push(chunk));
  const text = (stream: 'out' | 'err'): string => Buffer.concat(written[stream]).toString();

  const ended = once(child, 'close').then(([status]) => ({
    status: status as number | null,
    out: text('out'),
    err: text('err'),
  }));
  ended.catch(() => undefined);

  const writes = async (stream: 'out' | 'err', pattern: RegExp): Promise<RegExpExecArray> => {
    const source = stream === 'out' ? child.stdout : child.stderr;
    for (;;) {
      const match = pattern.exec(text(stream));
      if (match) return match;
      const end = await Promise.race([ended, once(source, 'data').then(() => undefined)]);
      if (end && !pattern.test(end[stream])) {
        throw new Error(`${path} has ended and not written ${String(pattern)}: ${end.err}`);
      }
    }
  };
  return {
    child,
    writes,
    async ready() {
      const [, addresses = ''] = await writes('out', /^ready (.*)\n/m);
      return JSON.parse(addresses) as Record<string, string>;
    },
    outBytes: () => Buffer.concat(written.out),
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
