// How large a server becomes: with connections that say nothing, and with clients that have stalled in catch-up, each at
// a place of its own. What the kernel keeps for their sockets is not in it.
import { join } from 'node:path';
import type { Benchmark, Figure } from '../benchmark.js';
import { inFolder } from '../folder.js';
import { Child } from '../processes/child.js';
import { CORPUS_ENTRY_BYTES, corpusBytes, makeCorpus } from './corpus.js';
import type { LoadProgram } from './load-program.js';
import type { ServerProgram } from './server-program.js';

export const memory: Benchmark = {
  name: 'memory',
  run: ({ smoke, seed }) =>
    inFolder(async (folder) => {
      const path = join(folder, 'stream.bin');
      const bytes = corpusBytes(smoke);
      await makeCorpus(path, bytes, seed);
      const size = async (clients: number, spread?: number): Promise<{ most: number; now: number }> => {
        await using server = Child.start<ServerProgram>('server');
        await using load = Child.start<LoadProgram>('load');
        const address = { port: await server.ask('serve', { path }) };
        await load.ask('idle', { address, clients, ...(spread === undefined ? {} : { spread }) });
        await new Promise((resolve) => setTimeout(resolve, smoke ? 10 : 3000));
        return await server.ask('memory', undefined);
      };
      const [idle, stalled] = smoke ? [20, 10] : [10_000, 1_000];
      const none = await size(0);
      const quiet = await size(idle);
      const full = await size(stalled, bytes / CORPUS_ENTRY_BYTES);
      return [
        { what: 'a server without clients', value: none.now, unit: 'MiB' },
        { what: `${idle} idle connections`, value: quiet.now, unit: 'MiB' },
        { what: `${stalled} clients stalled in catch-up, at most`, value: full.most, unit: 'MiB' },
      ] satisfies Figure[];
    }),
};
