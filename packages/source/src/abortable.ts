/** Waiting that a signal can end. What is waited for goes on: only its caller does not wait any more. */
import { setMaxListeners } from 'node:events';

/** What all calls that wait can be given. */
export interface WaitOptions {
  /** Ends the wait: the call rejects with the signal's reason. One that is aborted already keeps the call from doing anything. */
  readonly signal?: AbortSignal | undefined;
}

/** As `promise`, but rejects with the signal's reason as soon as it fires. */
export function abortable<T>(promise: Promise<T>, { signal }: WaitOptions): Promise<T> {
  if (!signal) return promise;
  promise.catch(() => undefined);
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) {
      abort();
      return;
    }
    // Any number of calls may wait with one signal.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}
