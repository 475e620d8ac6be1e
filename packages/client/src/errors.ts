/** What goes wrong with a client. */
import { ResultCode } from '@ds/codec';

/** What went wrong. */
export type ClientErrorCode =
  /** No connection could be made. Worth another try. */
  | 'connect'
  /** The connection has ended. Worth another try. */
  | 'disconnected'
  /** The server did not answer, or say anything, in time. Worth another try. */
  | 'timeout'
  /** The server has refused a command: see `result`. */
  | 'refused'
  /** The server asks for a token, and was given none or a wrong one. */
  | 'unauthorized'
  /** The server does not know the command Authenticate, so it cannot be shown a token. */
  | 'no-authentication'
  /** What the server sends breaks the protocol. */
  | 'protocol'
  /** The server has skipped or repeated entries. */
  | 'sequence'
  /** The stream ends before the entry that was to come next: it was cut, or is another one. See `totalEntries`. */
  | 'beyond-end'
  /** The bookmark to start from is not known. */
  | 'unknown-bookmark'
  /** The server holds another stream than before. */
  | 'wrong-stream'
  /** A stored position cannot be read. */
  | 'bad-checkpoint'
  /** The client is closed. */
  | 'closed'
  /** An option, number or key that makes no sense. */
  | 'bad-option';

/** More about an error, where its code says so. */
export interface ClientErrorDetails extends ErrorOptions {
  /** The server's refusal: its number, as in the protocol, and its text. */
  readonly result?: { readonly code: number; readonly text: string } | undefined;
  /** How many entries the stream has now. */
  readonly totalEntries?: bigint | undefined;
}

/**
 * The one error class of this package. The message names the server; where several have failed, it says of each why, and the
 * cause is an `AggregateError` of theirs.
 */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;
  readonly result: ClientErrorDetails['result'];
  readonly totalEntries: bigint | undefined;

  constructor(code: ClientErrorCode, message: string, details: ClientErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.result = details.result;
    this.totalEntries = details.totalEntries;
  }

  /** Whether the same server may do what was asked for in a moment: it could not be reached, was lost, or had no room. */
  get retriable(): boolean {
    const { code, result } = this;
    if (code !== 'refused') return code === 'connect' || code === 'disconnected' || code === 'timeout';
    return result?.code === ResultCode.serverFull || result?.code === ResultCode.shuttingDown;
  }
}
