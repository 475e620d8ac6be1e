// Goal: the simulated histories and the fuzz are worth something: whichever bug is put into the server, they find it.
// Method: the server is bundled once for each bug, with it, and histories, or inputs, are run until something is wrong. That
// they find nothing in the server as it is, simulation.test.ts and fuzz.test.ts say.
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { BundledProgram, outputOf } from '../../stream-file/test/bundled-program.js';
import { fuzz } from './fuzz/fuzz.js';
import { bugsForTheFuzz } from './fuzz/planted-bugs.js';
import { plantedBugs, type PlantedBug } from './planted-bugs.js';

const TIMEOUT_MS = 240_000;
/** Inputs among which the fuzz finds any of the bugs. */
const INPUTS = 100_000;
const folder = fileURLToPath(new URL('..', import.meta.url));

/** What the histories find wrong with the server with this bug; null if nothing. */
async function found({ package: other, ...change }: PlantedBug): Promise<unknown> {
  const changedFolder = other ? fileURLToPath(new URL(`../../${other}`, import.meta.url)) : folder;
  await using program = await BundledProgram.of('planted-bug', { change, folder, changedFolder });
  const { text, code } = await outputOf(program.start([]), TIMEOUT_MS);
  if (code === null) return null;
  return code === 0 ? (JSON.parse(text) as { found: unknown }).found : 'an error that nobody caught';
}

describe('The histories notice that', { timeout: 2 * TIMEOUT_MS }, () => {
  it.concurrent.each(plantedBugs)('$bug', async (planted) => {
    expect(await found(planted)).toEqual(expect.any(String));
  });
});

describe('The fuzz notices that', { timeout: 2 * TIMEOUT_MS }, () => {
  it.concurrent.each(bugsForTheFuzz)('$bug', async ({ what, ...planted }) => {
    const { found } = await fuzz({ what, count: INPUTS, timeoutMs: TIMEOUT_MS, planted });
    expect(found).toEqual(expect.any(String));
  });
});
