/** One app of the demo, as it would be deployed: a process of its own, started from its `bin`. */

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** What an app wrote last on stderr, for the message when it fails. */
const LOG_CHARACTERS = 2_000;

export type AppName = 'server' | 'relay' | 'source' | 'client';

const { resolve } = createRequire(import.meta.url);

/** Path of the program `ds-NAME`, wherever it is installed. */
export function programOf(name: AppName): string {
  return join(dirname(resolve(`ds-${name}/package.json`)), 'bin', `ds-${name}`);
}

export class AppProcess implements AsyncDisposable {
  readonly name: string;
  readonly input: Writable;
  readonly output: Readable;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<number | null>;
  #log = '';

  /** Starts the app `ds-NAME`; `label` is how the demo calls it. */
  constructor(name: AppName, label: string, args: readonly string[]) {
    this.name = label;
    this.#child = spawn(process.execPath, [programOf(name), ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.input = this.#child.stdin;
    this.output = this.#child.stdout;
    this.input.on('error', () => undefined);
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-LOG_CHARACTERS);
    });
    this.#ended = once(this.#child, 'close').then(([status]) => status as number | null);
    this.#ended.catch(() => undefined);
  }

  /** The addresses in the app's ready line. */
  async ready(): Promise<Record<string, string>> {
    let text = '';
    this.output.setEncoding('utf8');
    for await (const part of this.output.iterator({ destroyOnReturn: false })) {
      text += String(part);
      const addresses = /^ready (.*)\n/.exec(text)?.[1];
      if (addresses !== undefined) return JSON.parse(addresses) as Record<string, string>;
    }
    throw await this.#failure('has ended before it was ready');
  }

  /** Resolves when the app has ended well. */
  async done(): Promise<void> {
    if ((await this.#ended) !== 0) throw await this.#failure('has failed');
  }

  /** Ends the app as an operator would. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.done();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async #failure(what: string): Promise<Error> {
    const status = await this.#ended;
    return new Error(
      `${this.name} ${what} (status ${status ?? 'none'}): ${this.#log.trim() || 'no message'}`,
    );
  }
}
