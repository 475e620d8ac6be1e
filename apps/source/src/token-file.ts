/** Reads the token that servers ask for from a file, which keeps it out of the command line and the environment. */

import { readFile } from 'node:fs/promises';
import { describeError, UsageError } from '@ds/app-kit';
import { TOKEN_BYTES_MAX } from '@ds/codec';

/**
 * A file's content without the white space around it, as bytes.
 *
 * @throws {UsageError} `config` when it can't be read, is empty, or holds more than can be sent
 */
export async function readTokenFile(path: string): Promise<Uint8Array> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new UsageError('config', `can't read the token file ${path}: ${describeError(cause)}`, { cause });
  });
  const token = new TextEncoder().encode(text.trim());
  if (token.length > 0 && token.length <= TOKEN_BYTES_MAX) return token;
  const problem = `it holds ${token.length} bytes, and a token has 1 to ${TOKEN_BYTES_MAX}`;
  throw new UsageError('config', `no token in the file ${path}: ${problem}`);
}
