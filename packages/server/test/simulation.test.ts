// Goal: whatever clients, sources, disks and networks do, each client gets what is committed, from where it has started, once,
// in order, without a gap, and nothing else; and it gets all of it once nothing stands in the way any more.
// Method: histories that one seed decides, on a simulated clock, network and disk, with pages of 256 bytes. What is true is
// read from what the disk would have after a power cut; every byte that a client gets is held against it when it comes.
import { expect, it } from 'vitest';

import { effort, histories, Random } from '@ds/test-kit';
import { tryHistory } from './simulation/history.js';

it('Clients get exactly what is committed, in every history', { timeout: 600_000 * effort }, async () => {
  let entries = 0;
  let truncations = 0;
  await histories(2_000 * effort, 'packages/server/test/simulation.test.ts', async (random) => {
    const tried = await tryHistory(random);
    entries += tried.entries;
    truncations += tried.truncations;
  });
  expect(entries).toBeGreaterThan(0);
  expect(truncations).toBeGreaterThan(0);
});

it('A history is the same each time', async () => {
  expect(await tryHistory(new Random(3))).toEqual(await tryHistory(new Random(3)));
});
