/** Tokens: what a peer shows to be let in, a client in Authenticate, a source in OpenSource. Any bytes, 0 to 4,096 of them. */
import { CodecError } from './errors.js';

/** Longest token. */
export const TOKEN_BYTES_MAX = 4096;

/**
 * Gives back the length of a token, if one can be as long.
 * @throws {CodecError} `token-length`.
 */
export function checkTokenLength(length: number): number {
  if (length > TOKEN_BYTES_MAX) {
    throw new CodecError('token-length', `a token of ${length} bytes: expected at most ${TOKEN_BYTES_MAX}`);
  }
  return length;
}
