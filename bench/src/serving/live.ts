// How long an operation of 10 entries of 256 bytes takes from its commit until clients that follow have it, beside a bare
// process that writes the same bytes to as many sockets.
import { join } from 'node:path';
import type { Durability } from '@ds/stream-file';
import type { Benchmark, Figure } from '../benchmark.js';
import { inFolder } from '../folder.js';
import { Child } from '../processes/child.js';
import type { BareProgram } from './bare-program.js';
import type { Summary } from './histogram.js';
import type { LoadProgram } from './load-program.js';
import type { Load } from './operations.js';
import type { ServerProgram } from './server-program.js';

const loads = [
  { clients: 100, operationsPerSecond: 1_000 },
  { clients: 100, operationsPerSecond: 100 },
  { clients: 1_000, operationsPerSecond: 100 },
  { clients: 1_000, operationsPerSecond: 1_000 },
];

export const live: Benchmark = {
  name: 'live',
  async run(options) {
    const figures: Figure[] = [];
    for (const { clients, operationsPerSecond } of loads) {
      const load = { operationsPerSecond, seconds: options.smoke ? 0.05 : 4 };
      figures.push(...(await measure(options.smoke ? clients / 10 : clients, load)));
    }
    return figures;
  },
};

async function measure(clients: number, load: Load): Promise<Figure[]> {
  const bare = await timed(clients, load, async () => {
    const program = Child.start<BareProgram>('bare');
    return {
      program,
      port: await program.ask('follow', undefined),
      commit: () => program.ask('commit', load),
    };
  });
  const served = (durability: Durability): Promise<Timed> =>
    inFolder((folder) =>
      timed(clients, load, async () => {
        const program = Child.start<ServerProgram>('server');
        const port = await program.ask('serve', { path: join(folder, 'stream.bin'), durability });
        return { program, port, commit: () => program.ask('commit', load) };
      }),
    );
  const [os, always] = [await served('os'), await served('always')];
  const who = `${clients} clients, ${load.operationsPerSecond}/s`;
  const lines = (name: string, { perSecond, p50, p99 }: Timed): Figure[] => [
    { what: `${who}: ${name}: operations`, value: perSecond, unit: '1/s', ratio: perSecond / bare.perSecond },
    { what: `${who}: ${name}: commit to receipt, p50`, value: p50, unit: 'ms', ratio: p50 / bare.p50 },
    { what: `${who}: ${name}: commit to receipt, p99`, value: p99, unit: 'ms', ratio: p99 / bare.p99 },
  ];
  return [...lines('bare', bare), ...lines("'os'", os), ...lines("'always'", always)];
}

interface Timed extends Summary {
  readonly perSecond: number;
}

interface Sender {
  readonly program: AsyncDisposable;
  readonly port: number;
  readonly commit: () => Promise<number>;
}

async function timed(clients: number, load: Load, start: () => Promise<Sender>): Promise<Timed> {
  const { program, port, commit } = await start();
  await using _sender = program;
  await using receiver = Child.start<LoadProgram>('load');
  const operations = Math.ceil(load.operationsPerSecond * load.seconds);
  await receiver.ask('follow', { address: { port }, clients, operations });
  const perSecond = await commit();
  return { perSecond, ...(await receiver.ask('followed', { operations })) };
}
