// Runs the fuzz in a process of its own, on the server as it is or with a bug in it.
import { fileURLToPath } from 'node:url';

import { BundledProgram, outputOf, type Change } from '../../../stream-file/test/bundled-program.js';
import type { Ends } from './transcript.js';

const folder = fileURLToPath(new URL('../..', import.meta.url));

/** What is tried: conversations, or what is held on to in a case. */
export type Fuzz = 'clients' | 'sources' | 'long conversations' | 'quiet peers' | 'passing peers';

export interface Fuzzing {
  readonly what: Fuzz;
  /** Conversations to be tried. */
  readonly count?: number;
  readonly timeoutMs: number;
  /** A bug, and the package that it is put into if that is not the server. */
  readonly planted?: Change & { readonly package?: string };
}

export interface Found {
  /** What is wrong; null if nothing is. */
  readonly found: string | null;
  /** How conversations have ended, unless something is wrong. */
  readonly ends?: Ends;
}

export async function fuzz({ what, count = 0, timeoutMs, planted }: Fuzzing): Promise<Found> {
  const changedFolder = fileURLToPath(new URL(`../../../${planted?.package ?? 'server'}`, import.meta.url));
  await using program = await BundledProgram.of('fuzz', { change: planted, folder, changedFolder });
  const child = program.start(['--expose-gc'], what, String(count));
  const { text, code } = await outputOf(child, timeoutMs);
  if (code === null) return { found: `nothing came in ${timeoutMs} ms` };
  return code === 0 ? (JSON.parse(text) as Found) : { found: 'an error that nobody caught' };
}
