// How fast clients that discard are sent 1 GiB of entries, beside a bare process that writes as much to the same clients.
// The first pass of a server verifies what it reads, later ones need not; bare and served passes take turns. A second bare
// process reads what it sends from the file, as a server must: on processors that are busy already, that takes its share.
import { join } from 'node:path';
import { median, type Benchmark, type BenchmarkOptions, type Figure } from '../benchmark.js';
import { inFolder } from '../folder.js';
import { Child } from '../processes/child.js';
import type { BareProgram } from './bare-program.js';
import { corpusBytes, makeCorpus } from './corpus.js';
import type { Address, LoadProgram } from './load-program.js';
import type { ServerProgram } from './server-program.js';

export const catchUp: Benchmark = {
  name: 'catch-up',
  run: (options) =>
    inFolder(async (folder) => {
      const path = join(folder, 'stream.bin');
      const bytes = corpusBytes(options.smoke);
      await makeCorpus(path, bytes, options.seed);
      return [
        ...(await measure({ path, bytes, clients: 1 }, options)),
        ...(await measure({ path, bytes, clients: 10 }, options)),
      ];
    }),
};

interface Case {
  readonly path: string;
  readonly bytes: number;
  readonly clients: number;
}

async function measure({ path, bytes, clients }: Case, options: BenchmarkOptions): Promise<Figure[]> {
  await using bare = Child.start<BareProgram>('bare');
  await using reading = Child.start<BareProgram>('bare');
  await using server = Child.start<ServerProgram>('server');
  await using load = Child.start<LoadProgram>('load');
  const rate = async (address: Address): Promise<number> => {
    const seconds = await load.ask('drain', { address, clients, bytes });
    return (bytes * clients) / seconds / 1e9;
  };
  const barePort = await bare.ask('send', { bytes });
  const port = await server.ask('serve', { path });
  const first = await rate({ port });
  const readingPort = await reading.ask('sendFile', { path, bytes });
  const rates = {
    bare: [] as number[],
    reading: [] as number[],
    server: [] as number[],
    other: [] as number[],
  };
  const passes = options.smoke ? 1 : clients === 1 ? 8 : 3;
  for (let pass = 0; pass < passes; pass++) {
    rates.bare.push(await rate({ port: barePort }));
    rates.reading.push(await rate({ port: readingPort }));
    rates.server.push(await rate({ port }));
    if (options.other) rates.other.push(await rate(options.other));
  }
  const { most } = await server.ask('memory', undefined);
  await server.ask('close', undefined);

  const limit = median(rates.bare);
  const who = clients === 1 ? '1 client' : `${clients} clients together`;
  const size = `${bytes / (1 << 20)} MiB`;
  const figure = (what: string, value: number): Figure => ({
    what: `${who}: ${what}`,
    value,
    unit: 'GB/s',
    ratio: value / limit,
  });
  return [
    { what: `${who}: bare stream of ${size} in 1 MiB buffers`, value: limit, unit: 'GB/s' },
    figure('the same, read from the file by a bare process', median(rates.reading)),
    figure(`catch-up of ${size}, first pass (verifies)`, first),
    figure(`catch-up of ${size}, later passes`, median(rates.server)),
    ...(options.other ? [figure(`catch-up of ${size} from the other server`, median(rates.other))] : []),
    { what: `${who}: largest size of the server`, value: most, unit: 'MiB' },
  ];
}
