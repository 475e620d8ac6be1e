// Goal: a power cut at any moment costs nothing that was acknowledged, leaves whole operations only, and needs no help.
// Method: random histories on a simulated disk, cut at every single change of what is stored: see crash-points.ts. What is
// tried depends on the seed alone, not on how fast the machine is.
import { expect, it } from 'vitest';
import { Tally, tryHistory } from './crash-points.js';
import { long, rounds } from './random.js';

const STATES = long ? 2_500_000 : 250_000;

it(`${STATES} states that a power cut may leave`, { timeout: long ? 36_000_000 : 3_600_000 }, async () => {
  const tally = new Tally();
  await rounds(Number.MAX_SAFE_INTEGER, 'crash-points.test.ts', async (random) => {
    await tryHistory(random, tally);
    return tally.states >= STATES ? 'done' : undefined;
  });
  expect(tally.states).toBeGreaterThanOrEqual(process.env['DS_ROUND'] === undefined ? STATES : 1);
  expect(tally.inRecovery).toBeGreaterThan(0);
});
