// Single entries at random, by command: one at a time over one connection, and in flight together over ten. Beside it a
// bare process that answers each command at once with as many bytes. They take turns. One at a time is also measured while
// something keeps the processors awake: between two questions an idle machine's go to sleep, and how long they take to wake
// up says nothing of a server.
import { join } from 'node:path';
import { encodeResult, result, ResultCode } from '@ds/codec';
import { beside, type Benchmark, type Figure } from '../benchmark.js';
import { inFolder } from '../folder.js';
import { Child } from '../processes/child.js';
import type { BareProgram } from './bare-program.js';
import { CORPUS_ENTRY_BYTES, corpusBytes, makeCorpus } from './corpus.js';
import type { Address, LoadProgram } from './load-program.js';
import type { ServerProgram } from './server-program.js';
import { Wakers } from './wakers.js';

const ROUNDS = 5;
const ANSWER_BYTES = encodeResult(result(ResultCode.ok)).length + CORPUS_ENTRY_BYTES;

/** Somebody who answers, and what the rounds have come to. */
interface Asked {
  readonly address: Address;
  readonly singles: number[];
  readonly singlesAwake: number[];
  readonly many: number[];
}

function asking(address: Address): Asked {
  return { address, singles: [], singlesAwake: [], many: [] };
}

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
      const common = { entries: bytes / CORPUS_ENTRY_BYTES, answerBytes: ANSWER_BYTES, seed };
      const asked = {
        bare: asking({ port: await bare.ask('answer', undefined) }),
        server: asking({ port: await server.ask('serve', { path }) }),
        ...(other && { 'other server': asking(other) }),
      };
      await using wakers = new Wakers();
      for (let round = 0; round < (smoke ? 1 : ROUNDS); round++) {
        for (const { address, singles, singlesAwake, many } of Object.values(asked)) {
          const single = { ...common, connections: 1, inFlight: 1, count: smoke ? 100 : 10_000, address };
          singles.push((await load.ask('ask', single)).p50 * 1000);
          singlesAwake.push((await wakers.during(() => load.ask('ask', single))).p50 * 1000);
          const together = { connections: 10, inFlight: 32, count: smoke ? 1000 : 40_000 };
          many.push((await load.ask('ask', { ...common, ...together, address })).perSecond / 1000);
        }
      }
      const figures = Object.entries(asked).flatMap(([name, { singles, singlesAwake, many }]): Figure[] => [
        beside(`${name}: one at a time, p50`, 'us', singles, asked.bare.singles),
        beside(`${name}: the same, processors kept awake, p50`, 'us', singlesAwake, asked.bare.singlesAwake),
        beside(`${name}: 10 connections, 32 in flight on each`, 'k/s', many, asked.bare.many),
      ]);
      await server.ask('close', undefined);
      return figures;
    }),
};
