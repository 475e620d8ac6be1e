// What 100 clients that follow live, and the commits, notice of clients beside them that take nothing, are slow, or die all
// the time. Each case has a server of its own, and they take turns; the ratio is to the turn of one without such clients.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark, Figure } from '../benchmark.js';
import { inFolder } from '../folder.js';
import { Child } from '../processes/child.js';
import { CORPUS_ENTRY_BYTES, makeCorpus } from './corpus.js';
import { compared, FollowedSender } from './followed-sender.js';
import type { LoadProgram } from './load-program.js';

const ROUNDS = 5;
const LOAD = { clients: 100, operationsPerSecond: 100, seconds: 2 };
/** What there is to catch up with: more than the kernel takes for each client, and more than pages stay in memory. */
const BACKLOG_BYTES = 64 << 20;
const STALLED = 1_000;
const SLOW = 100;
const DYING_PER_SECOND = 100;
const FILLED_MS = 2_000;

export const beside: Benchmark = {
  name: 'beside',
  run: ({ smoke, seed }) =>
    inFolder(async (folder) => {
      const load = smoke ? { ...LOAD, clients: 10, seconds: 0.05 } : LOAD;
      const bytes = smoke ? BACKLOG_BYTES / 16 : BACKLOG_BYTES;
      const entries = bytes / CORPUS_ENTRY_BYTES;
      const serve = async (name: string): Promise<FollowedSender> => {
        const path = join(folder, `${name}.bin`);
        await makeCorpus(path, bytes, seed);
        return FollowedSender.served(load, { path }, entries);
      };
      await using alone = await serve('alone');
      await using stalled = await serve('stalled');
      await using slow = await serve('slow');
      await using dying = await serve('dying');
      await using idlers = Child.start<LoadProgram>('load');
      await using crowd = Child.start<LoadProgram>('load');
      const address = ({ port }: FollowedSender): { port: number } => ({ port });
      const idle = { address: address(stalled), clients: smoke ? 10 : STALLED, spread: entries };
      await idlers.ask('idle', idle);
      for (let round = 0; round < (smoke ? 1 : ROUNDS); round++) {
        await alone.round();
        await stalled.round();
        await crowd.ask('dawdle', { address: address(slow), clients: smoke ? 10 : SLOW });
        // What the kernel takes for them at first, it takes at full speed.
        await sleep(smoke ? 0 : FILLED_MS);
        await slow.round();
        await crowd.ask('leave', undefined);
        const dead = { address: address(dying), perSecond: DYING_PER_SECOND };
        await crowd.ask('die', dead);
        await dying.round();
        await crowd.ask('leave', undefined);
      }
      const figures = (who: string, sender: FollowedSender): Figure[] => [
        compared(`${who}: commit to receipt, p50`, 'ms', ({ receipt }) => receipt.p50, sender, alone),
        compared(`${who}: commit to receipt, p99`, 'ms', ({ receipt }) => receipt.p99, sender, alone),
        compared(`${who}: commit, p50`, 'ms', ({ commit }) => commit?.p50 ?? NaN, sender, alone),
        compared(`${who}: commit, p99`, 'ms', ({ commit }) => commit?.p99 ?? NaN, sender, alone),
      ];
      return [
        ...figures(`${LOAD.clients} live clients alone`, alone),
        ...figures(`beside ${STALLED} stalled`, stalled),
        ...figures(`beside ${SLOW} slow`, slow),
        ...figures(`beside ${DYING_PER_SECOND} dying a second`, dying),
      ];
    }),
};
