/** Reads a token from a file, which keeps it out of the command line and the environment. */

import { readFile } from 'node:fs/promises';
import { describeError, UsageError } from '@ds/app-kit';
import { TOKEN_BYTES_MAX } from '@ds/codec';

/**
 * A file's content without the white space around it, as bytes.
 *
 * @throws {UsageError} `config` when it can't be read, is empty, or holds more than a source can send
 */
export async function readTokenFile(path: string): Promise<Uint8Array> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new UsageError('config', `can't read the token file ${path}: ${describeError(cause)}`, { cause });
  }
  const token = new TextEncoder().encode(text.trim());
  if (token.length === 0) throw new UsageError('config', `the token file ${path} is empty`);
  if (token.length > TOKEN_BYTES_MAX) {
    throw new UsageError(
      'config',
      `the token in ${path} has ${token.length} bytes: at most ${TOKEN_BYTES_MAX} can be sent`,
    );
  }
  return token;
}
