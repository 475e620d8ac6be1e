/** One history, from beginning to end. */
import { simulate, type Random } from '@ds/test-kit';

import { World } from './world.js';

/** By then all must have come right, however long the faults lasted: keep-alive alone takes 40 s to find a dead peer. */
const LIMIT_MS = 10 * 60_000;

/** Rejects with the first thing that is wrong. */
export async function tryHistory(random: Random): Promise<void> {
  const { random: chance } = Math;
  Math.random = () => random.next();
  try {
    await simulate(LIMIT_MS, () => new World(random).run());
  } finally {
    Math.random = chance;
  }
}
