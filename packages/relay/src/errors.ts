/** What went wrong with a relay. */
export type RelayErrorCode =
  /** The file does not belong to the upstream's stream: another identity, more entries, or other ones. */
  | 'mismatch'
  /** The upstream cannot be followed: it refuses, or breaks the protocol. */
  | 'upstream'
  /** What was received cannot be stored. */
  | 'storage'
  /** An option that makes no sense. */
  | 'bad-option'
  /** The relay was closed before it was ready. */
  | 'closed';

/** The one error class of this package. The message names the upstream or the file, and what to do. */
export class RelayError extends Error {
  override readonly name = 'RelayError';
  readonly code: RelayErrorCode;

  constructor(code: RelayErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
