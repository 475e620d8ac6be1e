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

/** How long a program waits for its peer, in milliseconds. */
export interface Waits {
  /** Until it gives an answer up. */
  readonly answerMs: number;
  /** While it leaves alone what comes, or a peer that takes nothing; whoever holds too much is seen before. */
  readonly stalledMs: number;
}

/**
 * For a program that gets an error of this kind: only one that is to give up does so soon, so that a machine that is busy with
 * other things makes none do so.
 */
export function waitsFor(code: string): Waits {
  return { answerMs: code === 'timeout' ? 300 : 60_000, stalledMs: 1_000 };
}

/** For a program without a guard, which gets time to show what it does without. */
export const waitsUnguarded: Waits = { answerMs: 2_000, stalledMs: 60_000 };

/** What has become of it. */
export interface Outcome {
  /** Code of the error that it got; `none` if it was to get none, `grown` if it held too much, `never` if nothing came. */
  readonly code: string;
  /** Whether its memory has grown by no more than it may. */
  readonly bounded: boolean;
}

/** Heap of the program. What sockets bring is not in it. */
const HEAP_MIB = 64;
/** What all the program's memory may grow by: buffers, code that gets compiled, and not what a peer sends. */
const GROWTH_BYTES_MAX = 48 << 20;
/** Many times as long as a program without a guard is told to wait for an answer. */
const PATIENCE_MS = 10_000;
/** For one that ends by itself, however busy the machine is. */
const LONG_PATIENCE_MS = 100_000;
/** How often a program looks at its memory. */
const LOOK_MS = 20;

/** For programs: does something, and prints what came of it, or that it holds too much, as soon as it does. */
export async function report(act: () => Promise<string>): Promise<void> {
  const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;
  const before = peakBytes();
  const isBounded = (): boolean => peakBytes() - before <= GROWTH_BYTES_MAX;
  const grown = new Promise<string>((resolve) => {
    setInterval(() => {
      if (!isBounded()) resolve('grown');
    }, LOOK_MS);
  });
  const acted = act().catch((error: unknown) => (error as { code?: string }).code ?? String(error));
  const code = await Promise.race([acted, grown]);
  await new Promise<void>((resolve) => {
    process.stdout.write(JSON.stringify({ code, bounded: isBounded() } satisfies Outcome), () => {
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

  /** Runs it with these waits and options, as its file says. */
  async run(waits: Waits, ...options: string[]): Promise<Outcome> {
    const child = this.#program.start(
      [`--max-old-space-size=${HEAP_MIB}`],
      JSON.stringify(waits),
      ...options,
    );
    const { text, code } = await outputOf(child, waits === waitsUnguarded ? PATIENCE_MS : LONG_PATIENCE_MS);
    if (code !== 0) return { code: code === null ? 'never' : `exit ${code}`, bounded: false };
    return JSON.parse(text) as Outcome;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]();
  }
}
