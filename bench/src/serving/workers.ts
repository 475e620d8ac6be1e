// What it brings to spread clients over workers (`ds-server --workers N`), beside one process that serves all of them: to
// clients that catch up, to those that follow, and to whoever writes meanwhile.
import { join } from 'node:path';
import type { Benchmark, BenchmarkOptions, Figure } from '../benchmark.js';
import { inFolder } from '../folder.js';
import { Child } from '../processes/child.js';
import { corpusBytes, makeCorpus } from './corpus.js';
import type { LoadProgram } from './load-program.js';
import { FED_ENTRIES } from './operations.js';
import type { ServerProgram } from './server-program.js';
import type { SourceProgram } from './source-program.js';

/** None, one, and one for each core of the machine that it was first measured on. */
const WORKERS = [0, 1, 2];
/** Both come to a quarter or half a gigabyte a second. */
const FOLLOWED = [
  { clients: 100, operationsPerSecond: 1000, seconds: 3 },
  { clients: 1000, operationsPerSecond: 200, seconds: 3 },
];
const COMMITS = { operationsPerSecond: 100, seconds: 3 };
const FED_OPERATIONS = 100_000;

/** Less than elsewhere, as it is caught up with so often here. */
function bytesToCatchUp(smoke: boolean): number {
  return corpusBytes(smoke) / (smoke ? 1 : 4);
}

/** Clients that catch up. */
export const workersCatchUp: Benchmark = {
  name: 'workers-catch-up',
  run: (options) =>
    withCorpus(options, async (corpus, count) => [
      await drain(corpus, 1, count, options),
      await drain(corpus, 10, count, options),
    ]),
};

/** Whoever writes while clients catch up. */
export const workersWriting: Benchmark = {
  name: 'workers-writing',
  run: (options) => withCorpus(options, (corpus, count) => writeMeanwhile(corpus, count, options)),
};

/** Clients that follow. */
export const workersLive: Benchmark = {
  name: 'workers-live',
  run: (options) =>
    compared(async (count) => [
      ...(await follow(FOLLOWED[0]!, count, options)),
      ...(await follow(FOLLOWED[1]!, count, options)),
    ]),
};

function withCorpus(
  { smoke, seed }: BenchmarkOptions,
  measure: (corpus: string, count: number) => Promise<Figure[]>,
): Promise<Figure[]> {
  return inFolder(async (folder) => {
    const corpus = join(folder, 'corpus.bin');
    await makeCorpus(corpus, bytesToCatchUp(smoke), seed);
    return await compared((count) => measure(corpus, count));
  });
}

/** Measures with each number of workers; each figure stands beside the one without. */
async function compared(measure: (count: number) => Promise<Figure[]>): Promise<Figure[]> {
  const tables: Figure[][] = [];
  for (const count of WORKERS) tables.push(await measure(count));
  return tables[0]!.flatMap((first, nth) =>
    tables.map((figures, at) => {
      const { what, value, unit } = figures[nth]!;
      const ratio = at === 0 ? {} : { ratio: value / first.value };
      return { what: `${what}: ${WORKERS[at]} workers`, value, unit, ...ratio };
    }),
  );
}

/** Gigabytes a second that clients together are sent, half of them each by two processes if there is more than one. */
async function drain(
  path: string,
  clients: number,
  count: number,
  { smoke }: BenchmarkOptions,
): Promise<Figure> {
  await using server = Child.start<ServerProgram>('server');
  await using one = Child.start<LoadProgram>('load');
  await using other = Child.start<LoadProgram>('load');
  const port = await server.ask('serve', { path, workers: count });
  const bytes = bytesToCatchUp(smoke);
  const loads = clients === 1 ? [one] : [one, other];
  const pass = async (): Promise<number> => {
    const seconds = await Promise.all(
      loads.map((load) => load.ask('drain', { address: { port }, clients: clients / loads.length, bytes })),
    );
    return (bytes * clients) / Math.max(...seconds) / 1e9;
  };
  // The first pass verifies what it reads.
  await pass();
  const best = Math.max(await pass(), await pass());
  await server.ask('close', undefined);
  return { what: `${clients} catch up`, value: best, unit: 'GB/s' };
}

/** How fast a source's operations are taken, and how long commits take, while ten clients catch up all the time. */
async function writeMeanwhile(corpus: string, count: number, { smoke }: BenchmarkOptions): Promise<Figure[]> {
  await using server = Child.start<ServerProgram>('server');
  await using source = Child.start<SourceProgram>('source');
  await using load = Child.start<LoadProgram>('load');
  const port = await server.ask('serve', { path: corpus, workers: count });
  const bytes = bytesToCatchUp(smoke);
  const over = new AbortController();
  const draining = (async () => {
    while (!over.signal.aborted) await load.ask('drain', { address: { port }, clients: 10, bytes });
  })();
  const operations = smoke ? 200 : FED_OPERATIONS;
  const ms = await source.ask('feed', {
    port: await server.ask('sourcePort', undefined),
    operations,
  });
  await source[Symbol.asyncDispose]();
  const { commit: times } = await server.ask('commit', smoke ? { ...COMMITS, seconds: 0.05 } : COMMITS);
  over.abort();
  await draining;
  await server.ask('close', undefined);
  const who = 'while 10 catch up';
  return [
    { what: `${who}: entries of a source`, value: (operations * (FED_ENTRIES + 1)) / ms, unit: 'k/s' },
    { what: `${who}: commit, p50`, value: times.p50, unit: 'ms' },
    { what: `${who}: commit, p99`, value: times.p99, unit: 'ms' },
  ];
}

/** How long operations take from their commit until all clients have them. */
function follow(
  { clients, ...full }: (typeof FOLLOWED)[number],
  count: number,
  { smoke }: BenchmarkOptions,
): Promise<Figure[]> {
  return inFolder(async (folder) => {
    const load = smoke ? { ...full, seconds: 0.05 } : full;
    const operations = Math.ceil(load.operationsPerSecond * load.seconds);
    await using server = Child.start<ServerProgram>('server');
    await using one = Child.start<LoadProgram>('load');
    await using other = Child.start<LoadProgram>('load');
    const port = await server.ask('serve', { path: join(folder, 'stream.bin'), workers: count });
    const each = (smoke ? clients / 10 : clients) / 2;
    for (const receiver of [one, other])
      await receiver.ask('follow', { address: { port }, clients: each, operations });
    await server.ask('commit', load);
    const summaries = [
      await one.ask('followed', { operations }),
      await other.ask('followed', { operations }),
    ];
    await server.ask('close', undefined);
    const who = `${clients} follow ${load.operationsPerSecond}/s`;
    return [
      { what: `${who}, p50`, value: Math.max(...summaries.map(({ p50 }) => p50)), unit: 'ms' },
      { what: `${who}, p99`, value: Math.max(...summaries.map(({ p99 }) => p99)), unit: 'ms' },
    ];
  });
}
