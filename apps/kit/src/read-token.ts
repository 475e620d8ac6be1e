/** Reads a token: from a file, or from the environment, so that it need not stand on a command line, where all can see it. */

import { readFile } from 'node:fs/promises';
import { TOKEN_BYTES_MAX } from '@ds/codec';
import { describeError, UsageError } from './errors.js';

/** Where an option pair says that the token is, `--token` and `--token-file`, say. */
export interface TokenPlaces {
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  /** The first option's name, for messages: `token`. */
  readonly name: string;
}

/**
 * The token as bytes, without the white space around it; undefined where none is given.
 *
 * @throws {UsageError} `conflict` when both are given; `config` when it can't be read, is empty, or can't be sent
 */
export async function readToken({ token, tokenFile, name }: TokenPlaces): Promise<Uint8Array | undefined> {
  if (token === undefined && tokenFile === undefined) return undefined;
  if (token !== undefined && tokenFile !== undefined) {
    throw new UsageError('conflict', `give either --${name} or --${name}-file, not both`);
  }
  const place = tokenFile === undefined ? `--${name}` : `the file ${tokenFile}`;
  const text = tokenFile === undefined ? token : await contentOf(tokenFile);
  const bytes = new TextEncoder().encode(text?.trim());
  if (bytes.length > 0 && bytes.length <= TOKEN_BYTES_MAX) return bytes;
  const problem = `it holds ${bytes.length} bytes, and a token has 1 to ${TOKEN_BYTES_MAX}`;
  throw new UsageError('config', `no token in ${place}: ${problem}`);
}

async function contentOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new UsageError('config', `can't read the token file ${path}: ${describeError(cause)}`, { cause });
  }
}
