/** What went wrong with a relay. */
import { ClientError } from '@ds/client';
import { ServerError } from '@ds/server';
import { StreamFileError } from '@ds/stream-file';

export type RelayErrorCode =
  /** The file does not belong to the upstream's stream: another identity, more entries, or other ones. */
  | 'mismatch'
  /** The upstream cannot be followed: it refuses, or breaks the protocol. */
  | 'upstream'
  /** What was received cannot be stored, or the file cannot be opened. */
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

/** What a client, a server or a stream file has thrown, as this package's error. Anything else is passed on as it is. */
export function relayError(cause: unknown): unknown {
  if (isBadOption(cause)) return new RelayError('bad-option', cause.message, { cause });
  if (cause instanceof StreamFileError) return new RelayError('storage', cause.message, { cause });
  if (!(cause instanceof ClientError)) return cause;
  return new RelayError('upstream', `cannot follow the upstream: ${cause.message}`, { cause });
}

function isBadOption(error: unknown): error is Error {
  const isTyped =
    error instanceof ClientError || error instanceof ServerError || error instanceof StreamFileError;
  return isTyped && error.code === 'bad-option';
}
