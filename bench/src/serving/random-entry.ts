// Single entries at random, by command: one at a time over one connection, and in flight together over ten. Beside it a
// bare process that answers each command at once with as many bytes.
import { join } from 'node:path';
import { encodeResult, result, ResultCode } from '@ds/codec';
import type { Benchmark, Figure } from '../benchmark.js';
import { inFolder } from '../folder.js';
import { Child } from '../processes/child.js';
import type { BareProgram } from './bare-program.js';
import { CORPUS_ENTRY_BYTES, corpusBytes, makeCorpus } from './corpus.js';
import type { Address, LoadProgram } from './load-program.js';
import type { ServerProgram } from './server-program.js';

const ANSWER_BYTES = encodeResult(result(ResultCode.ok)).length + CORPUS_ENTRY_BYTES;

export const randomEntry: Benchmark = {
  name: 'random-entry',
  run: ({ smoke, seed, other }) =>
    inFolder(async (folder) => {
      const path = join(folder, 'stream.bin');
      const bytes = corpusBytes(smoke);
      await makeCorpus(path, bytes, seed);
      await using bare = Child.start<BareProgram>('bare');
      await using server = Child.start<ServerProgram>('server');
      await using load = Child.start<LoadProgram>('load');
      const entries = bytes / CORPUS_ENTRY_BYTES;
      const ask = async (address: Address): Promise<{ p50Us: number; perSecond: number }> => {
        const common = { address, entries, answerBytes: ANSWER_BYTES, seed };
        const single = { ...common, connections: 1, inFlight: 1, count: smoke ? 100 : 50_000 };
        const many = { ...common, connections: 10, inFlight: 32, count: smoke ? 1000 : 200_000 };
        const { p50 } = await load.ask('ask', single);
        return { p50Us: p50 * 1000, perSecond: (await load.ask('ask', many)).perSecond };
      };
      const limit = await ask({ port: await bare.ask('answer', undefined) });
      const lines = (name: string, { p50Us, perSecond }: typeof limit): Figure[] => [
        { what: `${name}: one at a time, p50`, value: p50Us, unit: 'us', ratio: p50Us / limit.p50Us },
        {
          what: `${name}: 10 connections, 32 in flight on each`,
          value: perSecond / 1000,
          unit: 'k/s',
          ratio: perSecond / limit.perSecond,
        },
      ];
      const figures = [
        ...lines('bare', limit),
        ...lines('server', await ask({ port: await server.ask('serve', { path }) })),
        ...(other ? lines('other server', await ask(other)) : []),
      ];
      await server.ask('close', undefined);
      return figures;
    }),
};
