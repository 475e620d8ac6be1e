// Bundles a program of this package's tests, sources and all, so that it runs in a process of its own; where a bug is to be
// planted, with that change of one source file. The bundles stand in `node_modules`, where what they import is found.
import { spawn, type ChildProcess } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));
let bundles = 0;

/** A text in a file of `src`, which must stand there exactly once, and what takes its place. */
export interface Change {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A program that can be started any number of times. */
export class BundledProgram implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Bundles `test/program/NAME.ts`. */
  static async of(name: string, change?: Change): Promise<BundledProgram> {
    const path = join(packageFolder, 'node_modules', '.test', `${name}-${process.pid}-${bundles++}.mjs`);
    const changed = change && (await changedSource(change));
    await build({
      entryPoints: [join(packageFolder, 'test', 'program', `${name}.ts`)],
      outfile: path,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      conditions: ['workspace'],
      external: ['classic-level', 'vitest'],
      logLevel: 'error',
      plugins: [
        {
          name: 'change',
          setup(bundle) {
            bundle.onLoad({ filter: /[/\\]stream-file[/\\]src[/\\]/ }, ({ path: source }) =>
              change && source.endsWith(join('src', change.file))
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
    return spawn(process.execPath, [...nodeOptions, this.#path, ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

async function changedSource({ file, find, replace }: Change): Promise<string> {
  const source = await readFile(join(packageFolder, 'src', file), 'utf8');
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
