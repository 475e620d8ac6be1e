// Goal: the histories are worth something: whichever bug is put into one of the packages, one of them finds it. Method: all
// is bundled once for each bug, with it, and histories are run until something is wrong. That they find nothing as it is,
// simulation.test.ts says.
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { BundledProgram, outputOf } from '../../packages/stream-file/test/bundled-program.js';
import { plantedBugs, type PlantedBug } from './planted-bugs.js';

/** Histories that are tried at most. */
const SEEDS = 1_000;
/** Long enough for all of them on a busy machine: who runs into it has decided nothing. */
const TIMEOUT_MS = 240_000;
const root = fileURLToPath(new URL('../..', import.meta.url));
/** Node's exit code for a program that waits for what nothing is left to bring about. */
const WAITS_FOR_EVER = 13;

/**
 * What the histories find wrong with the programs with this bug; null if nothing.
 * @throws if it was not decided in time, or the program has ended without a word
 */
async function found({ package: name, ...change }: PlantedBug): Promise<unknown> {
  const changedFolder = `${root}packages/${name}`;
  await using program = await BundledProgram.of('simulated-histories', {
    change,
    folder: root,
    changedFolder,
  });
  const { text, code } = await outputOf(program.start([], String(SEEDS)), TIMEOUT_MS);
  if (code === WAITS_FOR_EVER) return 'a call never settles';
  if (code === null) throw new Error(`not decided in ${TIMEOUT_MS} ms`);
  if (code !== 0) throw new Error(`ended with exit code ${code}, and found nothing`);
  return (JSON.parse(text) as { found: unknown }).found;
}

describe('The histories notice that', { timeout: TIMEOUT_MS + 60_000 }, () => {
  it.concurrent.each(plantedBugs)('$bug', async (planted) => {
    expect(await found(planted)).toEqual(expect.any(String));
  });
});
