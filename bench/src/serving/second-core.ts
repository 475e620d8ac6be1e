// What a server could gain at most by serving from a second thread: as many clients are served by one process, and by two
// that share them evenly, each with a file of its own and so without anything to agree upon. The clients' processes are the
// same in both cases.
import { join } from 'node:path';
import type { Benchmark, BenchmarkOptions, Figure } from '../benchmark.js';
import { inFolder } from '../folder.js';
import { Child } from '../processes/child.js';
import { corpusBytes, makeCorpus } from './corpus.js';
import type { LoadProgram } from './load-program.js';
import type { ServerProgram } from './server-program.js';

/** Clients that catch up, and those that follow live and what they follow. */
const DRAINING = 10;
const FOLLOWING = 1000;
const LOAD = { operationsPerSecond: 1000, seconds: 4 };

export const secondCore: Benchmark = {
  name: 'second-core',
  async run(options) {
    const drained = [await drain(1, options), await drain(2, options)] as const;
    const followed = [await follow(1, options), await follow(2, options)] as const;
    const compared = (what: string, unit: string, [one, two]: readonly [number, number]): Figure[] => [
      { what: `${what}: one server`, value: one, unit },
      { what: `${what}: two, each with half of the clients`, value: two, unit, ratio: two / one },
    ];
    return [
      ...compared(`${DRAINING} clients catch up`, 'GB/s', drained),
      ...compared(`${FOLLOWING} clients, ${LOAD.operationsPerSecond}/s, p50`, 'ms', [
        followed[0].p50,
        followed[1].p50,
      ]),
      ...compared(`${FOLLOWING} clients, ${LOAD.operationsPerSecond}/s, p99`, 'ms', [
        followed[0].p99,
        followed[1].p99,
      ]),
    ];
  },
};

/** Gigabytes a second that all clients together are sent, by so many servers. */
function drain(serverCount: number, { smoke, seed }: BenchmarkOptions): Promise<number> {
  return withChildren(async (folder, started) => {
    const bytes = corpusBytes(smoke);
    const ports: number[] = [];
    for (let nth = 0; nth < serverCount; nth++) {
      const path = join(folder, `${nth}.bin`);
      await makeCorpus(path, bytes, seed);
      ports.push(await started(Child.start<ServerProgram>('server')).ask('serve', { path }));
    }
    const loads = [0, 1].map(() => started(Child.start<LoadProgram>('load')));
    const pass = (): Promise<number[]> =>
      Promise.all(
        loads.map((load, nth) =>
          load.ask('drain', {
            address: { port: ports[nth % serverCount]! },
            clients: DRAINING / 2,
            bytes,
          }),
        ),
      );
    // The first pass verifies what it reads.
    await pass();
    const seconds = Math.max(...(await pass()));
    return (bytes * DRAINING) / seconds / 1e9;
  });
}

/** How long operations take from their commit until all clients have them; those of two servers are committed at once. */
function follow(serverCount: number, { smoke }: BenchmarkOptions): Promise<{ p50: number; p99: number }> {
  return withChildren(async (folder, started) => {
    const load = smoke ? { ...LOAD, seconds: 0.05 } : LOAD;
    const operations = Math.ceil(load.operationsPerSecond * load.seconds);
    const clients = (smoke ? FOLLOWING / 10 : FOLLOWING) / 2;
    const servers: Child<ServerProgram>[] = [];
    const ports: number[] = [];
    for (let nth = 0; nth < serverCount; nth++) {
      const server = started(Child.start<ServerProgram>('server'));
      servers.push(server);
      ports.push(await server.ask('serve', { path: join(folder, `${nth}.bin`) }));
    }
    const loads = [0, 1].map(() => started(Child.start<LoadProgram>('load')));
    for (const [nth, receiver] of loads.entries())
      await receiver.ask('follow', { address: { port: ports[nth % serverCount]! }, clients, operations });
    await Promise.all(servers.map((server) => server.ask('commit', load)));
    const summaries = await Promise.all(loads.map((receiver) => receiver.ask('followed', { operations })));
    return {
      p50: Math.max(...summaries.map(({ p50 }) => p50)),
      p99: Math.max(...summaries.map(({ p99 }) => p99)),
    };
  });
}

/** Runs something with a folder and processes that are gone afterwards. */
function withChildren<T>(
  body: (folder: string, started: <Kept extends AsyncDisposable>(child: Kept) => Kept) => Promise<T>,
): Promise<T> {
  return inFolder(async (folder) => {
    const children: AsyncDisposable[] = [];
    try {
      return await body(folder, (child) => {
        children.push(child);
        return child;
      });
    } finally {
      for (const child of children) await child[Symbol.asyncDispose]();
    }
  });
}
