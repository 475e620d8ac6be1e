// Runs one check against the engine it was bundled with, until it finds something wrong or has tried enough. Prints what
// it has found as a line of JSON.
import { tryFlips } from '../bit-flips.js';
import { Tally, tryHistory } from '../crash-points.js';
import type { Check } from '../planted-bugs.js';
import { rounds } from '../random.js';
import { tryRestoredFile } from '../restored-file.js';
import { trySlots } from '../slots.js';

/** Crash states, and flipped bits, that are tried at most. */
const STATES = 120_000;
const FLIPS = 5000;

const checks: Readonly<Record<Check, () => Promise<void>>> = {
  async crashes() {
    const tally = new Tally();
    await rounds(Number.MAX_SAFE_INTEGER, 'crash-points.test.ts', async (random) => {
      await tryHistory(random, tally);
      return tally.states >= STATES ? 'done' : undefined;
    });
  },
  async flips() {
    await rounds(1, 'bit-flips.test.ts', async (random) => {
      await tryFlips(random, FLIPS);
      return 'done';
    });
  },
  restored: tryRestoredFile,
  slots: trySlots,
};

let found: string | undefined;
try {
  await checks[process.argv[2] as Check]();
} catch (error) {
  found = error instanceof Error ? error.message.split('\n')[0] : String(error);
}
process.stdout.write(`${JSON.stringify({ found: found ?? null })}\n`);
