// Goal: a source whose connection is lost without the server's notice gets its place back soon, with the epoch that it has, and
// nothing is lost or twice. Method: a simulated network, in which a connection vanishes, and simulated time.
import { describe, expect, it, vi } from 'vitest';

import { Random, simulate } from '@ds/test-kit';
import { World } from '../../server/test/simulation/world.js';
import { StreamSource, type Commit, type ServerState } from '../src/index.js';
import { until } from './support/operations.js';

const SIMULATED_MS = 300_000;
const address = '10.0.0.9:6901';

interface Feeding {
  readonly world: World;
  readonly source: StreamSource;
  readonly states: ServerState[];
  readonly commit: (value: number) => Promise<Commit>;
}

/** A server, and a source that feeds it. */
async function feeding(epoch: bigint | undefined): Promise<Feeding> {
  const world = await World.start(new Random());
  const { systemId, streamType } = world.file.identity;
  const states: ServerState[] = [];
  const source = await StreamSource.open({
    servers: [address],
    systemId,
    streamType,
    ...(epoch !== undefined && { epoch }),
    answerMs: 1_000,
    dial: (_address, connected) => world.connectSource().once('connect', connected),
    onServerState: (state) => states.push(state),
  });
  const commit = async (value: number): Promise<Commit> => {
    const operation = await source.startAtomicOp();
    operation.addEntry(1, Uint8Array.of(value));
    return operation.commit();
  };
  return { world, source, states, commit };
}

/** How often the server has said that the place is taken. */
function refusals(states: readonly ServerState[]): number {
  return states.filter((state) => state.kind === 'disconnected' && state.error.result?.code === 51).length;
}

describe('A source takes the place of its own connection that has vanished,', () => {
  it.each([
    ['at once with an epoch of its own', undefined, 5_000],
    ['once the server has probed that one with an epoch that it was given', 5n, 20_000],
  ])('%s', async (_name, epoch, withinMs) => {
    await simulate(SIMULATED_MS, async (clock) => {
      const { world, source, states, commit } = await feeding(epoch);
      await commit(1);
      const firstEpoch = world.file.epoch;
      const vanishedMs = clock.nowMs;
      for (const link of world.network.links) link.vanish();
      expect(await commit(2)).toEqual({ firstEntry: 1n, nextEntry: 2n });
      expect(clock.nowMs - vanishedMs).toBeLessThan(withinMs);
      if (epoch === undefined) expect(refusals(states)).toBe(0);
      else expect(refusals(states)).toBeGreaterThan(0);
      expect(world.file.epoch).toBe(epoch ?? firstEpoch + 1n);
      expect(world.file.header.totalEntries).toBe(2n);
      await source.close();
      await world.close();
    });
  });
});

describe('A source with an epoch of its own', () => {
  it('takes nobody else’s place', async () => {
    await simulate(SIMULATED_MS, async () => {
      const { world, source, commit } = await feeding(undefined);
      await commit(1);
      const { systemId, streamType } = world.file.identity;
      const states: ServerState[] = [];
      // Started in the same millisecond.
      const now = vi.spyOn(Date, 'now').mockReturnValue(Number(world.file.epoch));
      const opening = StreamSource.open({
        servers: [address],
        systemId,
        streamType,
        openMs: 60_000,
        dial: (_address, connected) => world.connectSource().once('connect', connected),
        onServerState: (state) => states.push(state),
      });
      now.mockRestore();
      await until(() => refusals(states) > 3);
      await commit(2);
      await source.close();
      await expect(opening).resolves.toMatchObject({ nextEntry: 2n });
      await (await opening).close();
      await world.close();
    });
  });
});
