// Goal: the checks of this package are worth something: whichever guard is removed from the engine, one of them finds it.
// Method: the engine is bundled once for each guard, without it, and the check that should miss it is run on that.
import { describe, expect, it } from 'vitest';
import { BundledProgram, outputOf, type Change } from './bundled-program.js';
import { plantedBugs, type Check } from './planted-bugs.js';

/** Long enough for every state on a busy machine: who runs into it has decided nothing. */
const TIMEOUT_MS = 600_000;
/** Node's exit code for a program that waits for what nothing is left to bring about. */
const WAITS_FOR_EVER = 13;

/**
 * What a check finds wrong with the engine, changed or as it is; null if nothing.
 * @throws if it was not decided in time, or the program has ended without a word
 */
async function found(check: Check, change?: Change): Promise<unknown> {
  await using program = await BundledProgram.of('planted-bug', { change });
  const { text, code } = await outputOf(program.start([], check), TIMEOUT_MS);
  if (code === WAITS_FOR_EVER) return 'a call never settles';
  if (code === null) throw new Error(`not decided in ${TIMEOUT_MS} ms`);
  if (code !== 0) throw new Error(`ended with exit code ${code}, and found nothing`);
  return (JSON.parse(text) as { found: unknown }).found;
}

describe('what finds nothing wrong with the engine as it is', { timeout: TIMEOUT_MS + 60_000 }, () => {
  // For `crashes`, crash-points.test.ts says so.
  it.concurrent.each<Check>(['flips', 'restored', 'slots'])('%s', async (check) => {
    expect(await found(check)).toBeNull();
  });

  it.concurrent.each(plantedBugs)('finds it without this: $guard', async ({ caughtBy, ...change }) => {
    expect(await found(caughtBy, change)).toEqual(expect.any(String));
  });
});
