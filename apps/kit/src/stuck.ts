/** Waiting for what may never come to an end: a disk that is dead answers no call, and reports no error either. */

/**
 * The system does not come back from a call. Thrown by an app's `main`, it ends the process by SIGKILL once this was said:
 * an orderly exit would wait for that call as well.
 */
export class StuckError extends Error {
  override readonly name = 'StuckError';
}

/**
 * What `work` resolves with.
 *
 * @param problem what to say of work that has not settled after `timeoutMs`
 * @throws {StuckError} after that time; and whatever `work` rejects with
 */
export async function withinTime<T>(work: Promise<T>, timeoutMs: number, problem: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const stuck = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new StuckError(problem));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, stuck]);
  } finally {
    clearTimeout(timer);
  }
}
