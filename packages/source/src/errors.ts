/** What went wrong with a source. */
export type SourceErrorCode =
  /** No server could be reached, or too few are left; `cause` is what one of them has said. */
  | 'no-server'
  /** A server could not be connected to. */
  | 'connect'
  /** The connection to a server has ended. */
  | 'disconnected'
  /** A server could not be connected to, or did not answer, in time. */
  | 'timeout'
  /** A source with a higher epoch has taken over: this one must not write any more. */
  | 'fenced'
  /** A server has refused: see `result`. */
  | 'refused'
  /** A server asks for a token, and was given none or a wrong one. */
  | 'unauthorized'
  /** A server's stream is not the one that this source writes, or it lacks what is not kept any more. */
  | 'differs'
  /** What a server sends breaks the protocol. */
  | 'protocol'
  /** The atomic operation is committed or rolled back already. */
  | 'operation-ended'
  /** An entry or a bookmark that no stream can hold, or one that is not there. */
  | 'bad-entry'
  /** An operation larger than this source may hold in memory, or operations that an outbox can only give as one. */
  | 'too-large'
  /** The outbox cannot be written: see `cause`. */
  | 'outbox'
  /** The source is closed. */
  | 'closed'
  /** An option that makes no sense. */
  | 'bad-option';

/** More about an error, where its code says so. */
export interface SourceErrorDetails extends ErrorOptions {
  /** The server's refusal: its number, as in the protocol, and its text. */
  readonly result?: { readonly code: number; readonly text: string };
}

/** The one error class of this package. The message names the server where there is one. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly code: SourceErrorCode;
  readonly result: SourceErrorDetails['result'];

  constructor(code: SourceErrorCode, message: string, details: SourceErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.result = details.result;
  }
}
