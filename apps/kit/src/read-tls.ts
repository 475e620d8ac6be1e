/** Reads the files by which a program that connects speaks TLS. */

import { readFile } from 'node:fs/promises';
import { describeError, UsageError } from './errors.js';

/** What the options `--tls`, `--tls-ca`, `--tls-cert`, `--tls-key` and `--tls-server-name` say. */
export interface TlsGiven {
  readonly tls: boolean;
  readonly tlsCa?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsServerName?: string | undefined;
}

/** As `tls.connect` takes it. */
export interface TlsRead {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
}

/**
 * `false` for plain TCP: where TLS is not asked for, by itself or by an option that is of no use without it.
 *
 * @throws {UsageError} `config` when a file can't be read
 */
export async function readTls(given: TlsGiven): Promise<TlsRead | false> {
  const [ca, cert, key] = await Promise.all([given.tlsCa, given.tlsCert, given.tlsKey].map(contentOf));
  const servername = given.tlsServerName;
  if (!given.tls && !ca && !cert && !key && servername === undefined) return false;
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(servername !== undefined && { servername }),
  };
}

async function contentOf(path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    throw new UsageError('config', `can't read ${path}: ${describeError(cause)}`, { cause });
  }
}
