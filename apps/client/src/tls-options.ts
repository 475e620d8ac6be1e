/** How TLS is spoken, from the options that name files. */

import { readFile } from 'node:fs/promises';
import { describeError, UsageError } from '@ds/app-kit';
import type { TlsOptions } from '@ds/client';

export interface TlsGiven {
  readonly tls: boolean;
  readonly tlsCa?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsServerName?: string | undefined;
}

/**
 * `false` for plain TCP: where TLS is not asked for, by itself or by an option that is of no use without it.
 *
 * @throws {UsageError} `config` when a file can't be read
 */
export async function tlsOptions(given: TlsGiven): Promise<TlsOptions | false> {
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
