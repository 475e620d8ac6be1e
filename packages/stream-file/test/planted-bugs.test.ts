// Goal: the checks of this package are worth something: whichever guard is removed from the engine, one of them finds it.
// Method: the engine is bundled once for each guard, without it, and the check that should miss it is run on that.
import { describe, expect, it } from 'vitest';
import { BundledProgram, outputOf, type Change } from './bundled-program.js';
import { plantedBugs, type Check } from './planted-bugs.js';

const TIMEOUT_MS = 120_000;

/** What a check finds wrong with the engine, changed or as it is; null if nothing. */
async function found(check: Check, change?: Change): Promise<unknown> {
  await using program = await BundledProgram.of('planted-bug', { change });
  const { text, code } = await outputOf(program.start([], check), TIMEOUT_MS);
  return code === 0 ? (JSON.parse(text) as { found: unknown }).found : 'it ended or hung without a word';
}

describe('what finds nothing wrong with the engine as it is', { timeout: 2 * TIMEOUT_MS }, () => {
  // For `crashes`, crash-points.test.ts says so.
  it.concurrent.each<Check>(['flips', 'restored', 'slots'])('%s', async (check) => {
    expect(await found(check)).toBeNull();
  });

  it.concurrent.each(plantedBugs)('finds it without this: $guard', async ({ caughtBy, ...change }) => {
    expect(await found(caughtBy, change)).toEqual(expect.any(String));
  });
});
