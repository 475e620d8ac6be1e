/** Why a command of `ds-stream` did not do what it was asked for. */

export type StreamToolErrorCode =
  /** `verify` has found problems. */
  | 'problems'
  /** A repair that would lose what can still be read. */
  | 'not-repairable'
  /** There is nothing at the place that was named. */
  | 'not-there'
  /** It was stopped by a signal before it was done. */
  | 'stopped';

/** The one error class of this app; the message says where, and what to do. */
export class StreamToolError extends Error {
  override readonly name = 'StreamToolError';
  readonly code: StreamToolErrorCode;

  constructor(code: StreamToolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
