/** A bar on stderr while something takes long; nothing where stderr is no terminal. */

import { Presets, SingleBar } from 'cli-progress';

/** Told how much is done, of how much there is. */
export type Advance = (done: number, total: number) => void;

const BAR_COLUMNS = 24;

/** Does `work` with a bar that is gone when it ends. `doing` stands before it: `verifying`. */
export async function withProgress<T>(
  doing: string,
  work: (advance: Advance) => Promise<T>,
  stream: NodeJS.WriteStream = process.stderr,
): Promise<T> {
  const bar = new SingleBar(
    {
      stream,
      format: `${doing} {bar} {percentage}%  {eta_formatted} left`,
      barsize: BAR_COLUMNS,
      clearOnComplete: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  try {
    return await work((done, total) => {
      if (!stream.isTTY) return;
      if (!bar.isActive) bar.start(total, 0);
      bar.setTotal(total);
      bar.update(done);
    });
  } finally {
    if (bar.isActive) bar.stop();
  }
}
