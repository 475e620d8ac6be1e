// The operations that following live is measured with: 10 entries of 256 bytes, the first one's data beginning with
// the moment of its commit, made at a steady rate.

export const ENTRIES = 10;
const ENTRY_BYTES = 256;
export const DATA_BYTES = ENTRY_BYTES - 17;
export const OPERATION_BYTES = ENTRIES * ENTRY_BYTES;
/** Where in an operation the moment of its commit stands, a float64 in microseconds. */
export const MOMENT_AT = 17;

/** A load: so many operations a second for so long. */
export interface Load {
  readonly operationsPerSecond: number;
  readonly seconds: number;
}

/** Now, in microseconds, by a clock that all processes of a machine share. */
export function nowUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

/**
 * Calls `make` at the load's rate, as close to the moment as timers are; resolves with how many were made a second.
 * Where the process is too busy to keep up, those that are due are made together.
 */
export function atRate({ operationsPerSecond, seconds }: Load, make: () => void): Promise<number> {
  const count = Math.ceil(operationsPerSecond * seconds);
  const startMs = performance.now();
  let made = 0;
  return new Promise((resolve) => {
    const turn = (): void => {
      const elapsed = (performance.now() - startMs) / 1000;
      for (const due = Math.min(count, Math.floor(elapsed * operationsPerSecond) + 1); made < due; made++)
        make();
      if (made < count) setTimeout(turn, 1);
      else resolve(made / Math.max(elapsed, 1 / operationsPerSecond));
    };
    turn();
  });
}

/** The operations that feeding is measured with: entries of an operation besides its bookmark, and bytes of their data. */
export const FED_ENTRIES = 10;
export const FED_DATA_BYTES = 128;
