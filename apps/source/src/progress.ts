/** Shows on a terminal how far a feed has come: one line, written over and over. */

const INTERVAL_MS = 200;

export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** What is shown. */
export interface Progressing {
  readonly operations: number;
  readonly entries: bigint;
}

/** Starts showing; the function returned writes the last state and ends it. On anything but a terminal nothing is shown. */
export function showProgress(feed: Progressing, stream: ProgressStream): () => void {
  if (stream.isTTY !== true) return () => undefined;
  const startedMs = performance.now();
  const line = (): string => {
    const seconds = Math.max((performance.now() - startedMs) / 1000, 0.001);
    const { operations, entries } = feed;
    const rate = Math.round(Number(entries) / seconds);
    return `${count(operations)} operations, ${count(entries)} entries, ${count(rate)} entries/s`;
  };
  // The cursor goes back to the line's start, so that a log line takes its place.
  const timer = setInterval(() => stream.write(`\u001b[K${line()}\r`), INTERVAL_MS);
  return () => {
    clearInterval(timer);
    stream.write(`\u001b[K${line()}\n`);
  };
}

function count(value: number | bigint): string {
  return value.toLocaleString('en');
}
