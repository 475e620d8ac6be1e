/**
 * The programs as they are deployed: a server and two relays in a chain, each on its own port and file, that can be
 * stopped, killed and started again one by one.
 */
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

import {
  startProgram,
  type EndedProgram,
  type Program,
  type StartOptions,
  type TemporaryFolder,
} from '@ds/app-kit/testing';

const host = '127.0.0.1';

/** The programs of a chain, from the source to the clients. */
export const places = ['server', 'relay1', 'relay2'] as const;
export type Place = (typeof places)[number];

/** Starts an app by its name. */
export function startApp(name: string, args: readonly string[], options?: StartOptions): Program {
  return startProgram(
    fileURLToPath(new URL(`../../../apps/${name}/bin/ds-${name}`, import.meta.url)),
    args,
    options,
  );
}

export class Chain implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #ports: Record<Place | 'source', number>;
  readonly #programs = new Map<Place, Program>();

  private constructor(folder: TemporaryFolder, ports: Record<Place | 'source', number>) {
    this.#folder = folder;
    this.#ports = ports;
  }

  /** A chain whose programs are not started yet. */
  static async in(folder: TemporaryFolder): Promise<Chain> {
    return new Chain(folder, {
      server: await freePort(),
      source: await freePort(),
      relay1: await freePort(),
      relay2: await freePort(),
    });
  }

  /** Where clients connect. */
  address(place: Place): string {
    return `${host}:${this.#ports[place]}`;
  }

  /** Where the source connects. */
  get sourceAddress(): string {
    return `${host}:${this.#ports.source}`;
  }

  /** The stream file. */
  path(place: Place): string {
    return this.#folder.path(`${place}.bin`);
  }

  /** Starts programs; resolves when they are ready. */
  async start(...which: Place[]): Promise<void> {
    const started = which.map((place) => {
      const program = startApp(place === 'server' ? 'server' : 'relay', this.#arguments(place));
      this.#programs.set(place, program);
      return program;
    });
    await Promise.all(started.map((program) => program.ready()));
  }

  /** Ends programs with a signal, all at once. */
  async stop(signal: NodeJS.Signals, ...which: Place[]): Promise<EndedProgram[]> {
    return Promise.all(which.map((place) => this.#program(place).stop(signal)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs.values()) await program[Symbol.asyncDispose]();
  }

  #program(place: Place): Program {
    const program = this.#programs.get(place);
    if (!program) throw new Error(`${place} is not started`);
    return program;
  }

  #arguments(place: Place): string[] {
    const own = ['--file', this.path(place), '--host', host, '--port', String(this.#ports[place])];
    if (place === 'server') return [...own, '--source-port', String(this.#ports.source)];
    const upstream = this.address(place === 'relay1' ? 'server' : 'relay1');
    return [...own, '--upstream', upstream, '--retry-interval', '200ms'];
  }
}

const triedPorts = { from: 10_000, count: 20_000, next: (process.pid * 97) % 20_000 };

/**
 * A port that nobody listens on, and that the system gives to nobody who asks for any port: those start at 32768. So it is
 * still free when a program that was killed is started again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = triedPorts.from + (triedPorts.next++ % triedPorts.count);
    const listener = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      listener.once('error', () => {
        resolve(false);
      });
      listener.listen(port, host, () => {
        resolve(true);
      });
    });
    if (!isFree) continue;
    await new Promise((resolve) => listener.close(resolve));
    return port;
  }
}
