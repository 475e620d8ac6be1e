// One history of a server: clients, a feeder, and faults, until all faults end; then everybody must get everything.
import { simulate, type Random } from '@ds/test-kit';

import { liveClient } from './clients.js';
import { feedFromSource, feedInProcess, feedLast } from './feeding.js';
import { World } from './world.js';

/** Simulated time that a history may take. */
const LIMIT_MS = 300_000;

/** What a history was made of, for a look at what the histories of a run have tried. */
export interface Tried {
  entries: number;
  truncations: number;
  simulatedMs: number;
}

export async function tryHistory(random: Random): Promise<Tried> {
  return simulate(LIMIT_MS, async (clock) => {
    const world = await World.start(random);
    const clients = Array.from({ length: random.integer(1, 3) }, () => liveClient(world));
    const feed = random.chance(0.5) ? feedInProcess : feedFromSource;
    const everything = async (): Promise<void> => {
      await feed(world, random.integer(3, 25));
      world.disk.fault = undefined;
      if (world.file.failure) await world.losePower();
      await feedLast(world, feed);
      // Whoever must be told that the connection has ended is told.
      await world.pass(1_000);
      world.calmDown();
      await Promise.all(clients);
      await world.close();
    };
    await Promise.race([
      everything(),
      world.failed,
      ...clients.map((client) => client.then(() => everlasting)),
    ]);
    const { states, versions } = world.truth;
    return {
      entries: states.at(-1)?.entries ?? 0,
      truncations: versions.length - 1,
      simulatedMs: clock.nowMs,
    };
  });
}

const everlasting = new Promise<never>(() => undefined);
