/**
 * Programs that use a library with a hostile peer: in a process of their own, with a small heap, and with an eye on all the
 * memory that they take.
 */
import { fileURLToPath } from 'node:url';
import {
  BundledProgram,
  outputOf,
  type BundleOptions,
  type Change,
} from '../../../stream-file/test/bundled-program.js';

/** Folder of @ds/codec. */
export const codec = fileURLToPath(new URL('../../../codec', import.meta.url));

/** What keeps a program safe, and is taken out of it. */
export interface Guard {
  readonly guard: string;
  /** What is sent where it is missed. */
  readonly sent: string;
  /** Folder of the package that has it, if it is not the tested one. */
  readonly package?: string;
  readonly change: Change;
}

/** A guard of both libraries. */
export const longestResult: Guard = {
  guard: 'the longest result',
  sent: 'a result of 4 GiB',
  package: codec,
  change: {
    file: 'server-packets.ts',
    find: 'length > RESULT_HEAD_BYTES + RESULT_TEXT_BYTES_MAX',
    replace: 'length < 0',
  },
};

/** What has become of it. */
export interface Outcome {
  /** Code of the error that it got; `none` if it was to get none, `never` if nothing came in time. */
  readonly code: string;
  /** Whether its memory has grown by no more than it may. */
  readonly bounded: boolean;
}

/** Heap of the program. What sockets bring is not in it. */
const HEAP_MIB = 64;
/** What all the program's memory may grow by: buffers, code that gets compiled, and not what a peer sends. */
const GROWTH_BYTES_MAX = 48 << 20;
/** Many times as long as the libraries are told to wait. */
const PATIENCE_MS = 5_000;

/** For programs: does something, and prints what came of it. */
export async function report(act: () => Promise<string>): Promise<void> {
  const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;
  const before = peakBytes();
  const code = await act().catch((error: unknown) => (error as { code?: string }).code ?? String(error));
  await new Promise<void>((resolve) => {
    process.stdout.write(JSON.stringify({ code, grown: peakBytes() - before }), () => {
      resolve();
    });
  });
  // eslint-disable-next-line n/no-process-exit -- connections may still be open, and would be tried again for ever
  process.exit();
}

/** Bundles a package's `test/program/hostile.ts`, runs it, and says what has become of it. */
export class HostileProgram implements AsyncDisposable {
  readonly #program: BundledProgram;

  private constructor(program: BundledProgram) {
    this.#program = program;
  }

  static async of(options: BundleOptions): Promise<HostileProgram> {
    return new HostileProgram(await BundledProgram.of('hostile', options));
  }

  async run(...options: string[]): Promise<Outcome> {
    const child = this.#program.start([`--max-old-space-size=${HEAP_MIB}`], ...options);
    const { text, code } = await outputOf(child, PATIENCE_MS);
    if (code !== 0) return { code: code === null ? 'never' : `exit ${code}`, bounded: false };
    const { code: error, grown } = JSON.parse(text) as { code: string; grown: number };
    return { code: error, bounded: grown <= GROWTH_BYTES_MAX };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]();
  }
}
