// Goal: whatever happens to connections, programs and machines, each operation is in the stream once, every client gets the
// committed stream and nothing else, is told when it is cut, and all is live again once the faults end. Nothing of a source
// comes in once another one has taken over. Method: sources, servers, relays and clients, the programs' own code, on a simulated
// network, disks and clock; a seed decides the whole history. A failure prints the seed and the command that repeats it.
import { expect, it } from 'vitest';
import { effort, histories } from '@ds/test-kit';

import { tryHistory } from './history.js';

const seeds = 2_000 * effort;
const isSingle = process.env['DS_HISTORIES'] === '1';
const { stackTraceLimit } = Error;

it(
  `brings each operation in once, in ${seeds} histories`,
  async () => {
    // Errors are part of the game here; where one is to be looked into, a single history is run.
    if (!isSingle) Error.stackTraceLimit = 0;
    try {
      await histories(seeds, 'test/simulation/simulation', tryHistory);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
    expect.assertions(0);
  },
  600_000 * effort,
);
