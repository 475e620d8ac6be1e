/** `ds-source` and the servers that it feeds, as the programs that are deployed. */

import { fileURLToPath } from 'node:url';
import { startProgram, type EndedProgram, type Program, type TemporaryFolder } from '@ds/app-kit/testing';
import { StreamClient } from '@ds/client';
import type { Entry } from '@ds/codec';

/** The program. */
export const sourcePath = fileURLToPath(new URL('../../bin/ds-source', import.meta.url));
const serverBin = fileURLToPath(new URL('../../../server/bin/ds-server', import.meta.url));

/** What a source says at its end. */
export interface Summary {
  readonly operations: number;
  readonly entries: number;
  readonly firstEntry: string;
  readonly nextEntry: string;
}

export interface RunningServer extends AsyncDisposable {
  readonly clients: string;
  readonly source: string;
  readonly program: Program;
  /** Stops it, and starts another one in its place, on the same ports. */
  restart(): Promise<void>;
}

/** Starts a server over a file in the folder. */
export async function startServer(
  folder: TemporaryFolder,
  name = 'stream.bin',
  args: readonly string[] = [],
): Promise<RunningServer> {
  const start = (port: string, sourcePort: string): Program => {
    const where = ['--file', folder.path(name), '--host', '127.0.0.1'];
    const ports = ['--port', port, '--source-port', sourcePort, '--durability', 'os'];
    return startProgram(serverBin, [...where, ...ports, '--log-level', 'error', ...args]);
  };
  let program = start('0', '0');
  const { clients = '', source = '' } = await program.ready();
  return {
    clients,
    source,
    get program() {
      return program;
    },
    async restart() {
      await program.stop();
      program = start(portOf(clients), portOf(source));
      await program.ready();
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** Starts a source. */
export function startSource(args: readonly string[]): Program {
  return startProgram(sourcePath, ['--log-level', 'warn', ...args]);
}

/** Runs a source to its end, with this on its stdin. */
export async function runSource(args: readonly string[], input?: string | Uint8Array): Promise<EndedProgram> {
  await using source = startSource(args);
  source.child.stdin.on('error', () => undefined);
  source.child.stdin.end(input);
  return await source.ended();
}

/** The one line on stdout. */
export function summaryOf({ out }: EndedProgram): Summary {
  return JSON.parse(out) as Summary;
}

/** All entries of a stream, as a client gets them. */
export async function entriesOf({ clients }: RunningServer): Promise<Entry[]> {
  await using client = new StreamClient({ server: clients });
  const { totalEntries } = await client.header();
  const entries: Entry[] = [];
  for await (const entry of client.follow({ count: totalEntries })) entries.push(entry);
  return entries;
}

/** The bookmarks of a stream, which are u32s. */
export async function keysOf(server: RunningServer): Promise<number[]> {
  const bookmarks = (await entriesOf(server)).filter(({ type }) => type === 0xb0);
  return bookmarks.map(({ data }) => Buffer.from(data).readUInt32BE());
}

/** How many entries a stream has. */
export async function totalOf({ clients }: RunningServer): Promise<number> {
  await using client = new StreamClient({ server: clients });
  return Number((await client.header()).totalEntries);
}

/** Waits until something is so, at most ten seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`it has not become so: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1);
}
