/** A server in a process of its own, so that crowds of clients in the test's process cost it nothing but their connections. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { onTestFinished } from 'vitest';

import { BundledProgram } from '../../../stream-file/test/bundled-program.js';
import type { WorkerOptions } from '../../src/index.js';
import type { ServerLimits } from '../../src/options.js';
import { temporaryPath } from './stream.js';

export interface Request {
  /** Operations of one entry, one after the other. */
  readonly commit?: { readonly count: number; readonly bytes: number };
}

export interface Reply {
  readonly port: number;
  readonly clients: number;
  /** Processes that serve clients. */
  readonly workers: readonly number[];
  readonly rss: number;
  readonly arrayBuffers: number;
  /** How long each commit took. */
  readonly tookMs: readonly number[];
}

export class ServerProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(limits: Partial<ServerLimits>, workers?: WorkerOptions): Promise<ServerProcess> {
    const folder = fileURLToPath(new URL('../..', import.meta.url));
    const path = await temporaryPath();
    const program = await BundledProgram.of('server', { folder });
    const child = program.fork(
      path,
      JSON.stringify({ closeMs: 100, ...limits }),
      JSON.stringify(workers ?? null),
    );
    onTestFinished(async () => {
      if (child.connected) child.disconnect();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await program[Symbol.asyncDispose]();
    });
    return new ServerProcess(child);
  }

  /** Ends it as nothing can be prepared for. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async ask(request: Request = {}): Promise<Reply> {
    const replied = once(this.#child, 'message');
    this.#child.send(request);
    const [reply] = (await replied) as [Reply];
    return reply;
  }

  /** Resolves when so many clients are connected. */
  async clientsAre(count: number): Promise<void> {
    while ((await this.ask()).clients !== count) await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The value that a share of all values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Prints figures of a run. */
export function print(what: string, figures: Readonly<Record<string, number>>): void {
  const texts = Object.entries(figures).map(([name, value]) => `${name} ${Math.round(value * 100) / 100}`);
  process.stdout.write(`${what}: ${texts.join(', ')}\n`);
}
