// Bundles a program of a package's tests, sources and all, so that it runs in a process of its own; where a bug is to be
// planted, with that change of one source file. The bundles stand in this package's `node_modules`, where what they import
// is found.
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** This package's folder. */
const ownFolder = fileURLToPath(new URL('..', import.meta.url));
let bundles = 0;

/** A text in a file of `src`, which must stand there exactly once, and what takes its place. */
export interface Change {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface BundleOptions {
  readonly change?: Change | undefined;
  /** Folder of the package whose program it is; this one unless said otherwise. */
  readonly folder?: string;
  /** Folder of the package that is changed; the program's unless said otherwise. */
  readonly changedFolder?: string;
}

/** A program that can be started any number of times. */
export class BundledProgram implements AsyncDisposable {
  /** Where it stands. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Bundles `test/program/NAME.ts` of the package in a folder. */
  static async of(
    name: string,
    { change, folder = ownFolder, changedFolder = folder }: BundleOptions = {},
  ): Promise<BundledProgram> {
    const path = join(ownFolder, 'node_modules', '.test', `${name}-${process.pid}-${bundles++}.mjs`);
    const changed = change && (await changedSource(change, changedFolder));
    await build({
      entryPoints: [join(folder, 'test', 'program', `${name}.ts`)],
      outfile: path,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      conditions: ['workspace'],
      external: ['classic-level', 'vitest', 'esbuild'],
      logLevel: 'error',
      plugins: [
        {
          name: 'change',
          setup(bundle) {
            bundle.onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, ({ path: source }) =>
              change && source === join(changedFolder, 'src', change.file)
                ? { contents: changed ?? '', loader: 'ts' }
                : undefined,
            );
          },
        },
      ],
    });
    return new BundledProgram(path);
  }

  /** Starts it. Standard output is a pipe. */
  start(nodeOptions: readonly string[], ...options: string[]): ChildProcess {
    return spawn(process.execPath, [...nodeOptions, this.path, ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  /** Starts it with a channel for messages. */
  fork(...options: string[]): ChildProcess {
    return fork(this.path, options, { serialization: 'advanced' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { force: true });
  }
}

async function changedSource({ file, find, replace }: Change, folder: string): Promise<string> {
  const source = await readFile(join(folder, 'src', file), 'utf8');
  const count = source.split(find).length - 1;
  if (count !== 1) throw new Error(`src/${file} has ${count} times, instead of once: ${find}`);
  return source.replace(find, () => replace);
}

/** All that a program prints, once it has ended. One that runs for too long is killed; its exit code is null then. */
export async function outputOf(
  child: ChildProcess,
  timeoutMs: number,
): Promise<{ text: string; code: number | null }> {
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  clearTimeout(timer);
  return { text, code };
}
