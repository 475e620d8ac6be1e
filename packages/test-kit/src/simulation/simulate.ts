/** Histories: what happens in a simulated world when one seed decides everything, and how one that fails is repeated. */
import { Random, seed as firstSeed } from '../random.js';
import { SimulatedClock } from './clock.js';

/** Runs a history on simulated time, which may take `limitMs` simulated milliseconds. */
export async function simulate<T>(
  limitMs: number,
  history: (clock: SimulatedClock) => Promise<T>,
): Promise<T> {
  using clock = new SimulatedClock().install();
  return await clock.run(history(clock), limitMs);
}

/**
 * Runs one history for each seed. A failure tells its seed, and how to run that history alone.
 * @param file path of the test's file from the root, for that command
 */
export async function histories(
  count: number,
  file: string,
  history: (random: Random, seed: number) => Promise<void>,
): Promise<void> {
  const total = Number(process.env['DS_HISTORIES'] ?? count);
  for (let seed = firstSeed; seed < firstSeed + total; seed++) {
    try {
      await history(new Random(seed), seed);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const again = `DS_SEED=${seed} DS_HISTORIES=1 npm test -- ${file}`;
      throw new Error(`${reason}\nseed ${seed}; again: ${again}`, { cause });
    }
  }
}
