// Runs histories of the programs that it was bundled with, until one finds something wrong or as many as it is told were
// tried. Prints what was found as a line of JSON.
import { Random } from '@ds/test-kit';

import { tryHistory } from '../simulation/history.js';

const seeds = Number(process.argv[2]);
Error.stackTraceLimit = 0;
let found: string | null = null;
for (let seed = 1; seed <= seeds && found === null; seed++) {
  try {
    await tryHistory(new Random(seed));
  } catch (error) {
    found = `seed ${seed}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
process.stdout.write(`${JSON.stringify({ found })}\n`);
