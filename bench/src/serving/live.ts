// How long an operation of 10 entries of 256 bytes takes from its commit until clients that follow have it, beside a bare
// process that writes the same bytes to as many sockets.
// They take turns.
import { join } from 'node:path';
import type { Durability } from '@ds/stream-file';
import { type Benchmark, type BenchmarkOptions, type Figure } from '../benchmark.js';
import { inFolder } from '../folder.js';
import { compared, FollowedSender } from './followed-sender.js';

const ROUNDS = 5;
const SECONDS = 2;

export const live: readonly Benchmark[] = [
  { clients: 100, operationsPerSecond: 1_000 },
  { clients: 100, operationsPerSecond: 100 },
  { clients: 1_000, operationsPerSecond: 100 },
  { clients: 1_000, operationsPerSecond: 1_000 },
].map(({ clients, operationsPerSecond }) => ({
  name: `live-${clients}x${operationsPerSecond}/s`,
  run: (options) => measure(clients, operationsPerSecond, options),
}));

function measure(
  clients: number,
  operationsPerSecond: number,
  { smoke }: BenchmarkOptions,
): Promise<Figure[]> {
  const load = {
    clients: smoke ? clients / 10 : clients,
    operationsPerSecond,
    seconds: smoke ? 0.05 : SECONDS,
  };
  return inFolder(async (folder) => {
    await using bare = await FollowedSender.bare(load);
    const served = (durability: Durability): Promise<FollowedSender> =>
      FollowedSender.served(load, { path: join(folder, `${durability}.bin`), durability });
    await using os = await served('os');
    await using always = await served('always');
    for (let round = 0; round < (smoke ? 1 : ROUNDS); round++) {
      for (const sender of [bare, os, always]) await sender.round();
    }
    const who = `${clients} clients, ${operationsPerSecond}/s`;
    const figures = (name: string, sender: FollowedSender): Figure[] => [
      compared(`${who}: ${name}: operations`, '1/s', ({ perSecond }) => perSecond, sender, bare),
      compared(`${who}: ${name}: commit to receipt, p50`, 'ms', ({ receipt }) => receipt.p50, sender, bare),
      compared(`${who}: ${name}: commit to receipt, p99`, 'ms', ({ receipt }) => receipt.p99, sender, bare),
    ];
    return [...figures('bare', bare), ...figures("'os'", os), ...figures("'always'", always)];
  });
}
