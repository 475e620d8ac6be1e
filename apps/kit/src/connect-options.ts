/** How a program that connects to servers is told what to show them and whom to trust: the same options in all of them. */

import { readFile } from 'node:fs/promises';
import type { Options } from './app.js';
import { describeError, UsageError } from './errors.js';
import { field } from './field.js';
import { readToken } from './read-token.js';

const file = (description: string): ReturnType<typeof field.path> => field.path().meta({ description });

export const connectOptions = {
  token: field.text('token').optional().meta({
    description: 'token to show when connecting; give it in the environment, or in a file',
    secret: true,
  }),
  tokenFile: file('file with that token, white space around it left out').optional(),
  tls: field.flag().default(false).meta({ description: 'connect over TLS' }),
  tlsCa: file('PEM file with the authorities that are trusted when connecting; with it, --tls').optional(),
  tlsCert: file('PEM file with a certificate to show when connecting; with --tls-key').optional(),
  tlsKey: file('PEM file with the key of that certificate').optional(),
  tlsServerName: field
    .host()
    .optional()
    .meta({ description: "name that the other side's certificate has to be for, if not its host's" }),
};

/** What is given for `connectOptions`. */
export type ConnectGiven = Options<typeof connectOptions>;

/**
 * What is wrong with options that are each right by themselves.
 *
 * @param prefix stands before their names, where a program has them twice: `resume-`
 */
export function checkConnect(
  { tlsCert, tlsKey }: Pick<ConnectGiven, 'tlsCert' | 'tlsKey'>,
  prefix = '',
): string | undefined {
  const isWhole = (tlsCert === undefined) === (tlsKey === undefined);
  return isWhole ? undefined : `--${prefix}tls-cert and --${prefix}tls-key belong together`;
}

interface TlsAccess {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
}

/** What a client or a source is to be told; `tls` as `tls.connect` takes it, `false` for plain TCP. */
export interface ConnectAccess {
  readonly token?: Uint8Array;
  readonly tls: false | TlsAccess;
}

/**
 * Reads the files that the options name. TLS is spoken where it is asked for, by itself or by an option that is of no use
 * without it.
 *
 * @param prefix as for `checkConnect`
 * @throws {UsageError} `conflict` or `config`
 */
export async function connectAccess(given: ConnectGiven, prefix = ''): Promise<ConnectAccess> {
  const name = `${prefix}token`;
  const token = await readToken({ token: given.token, tokenFile: given.tokenFile, name });
  const { tlsServerName: servername } = given;
  const [ca, cert, key] = await Promise.all([given.tlsCa, given.tlsCert, given.tlsKey].map(contentOf));
  const tls = {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(servername !== undefined && { servername }),
  };
  const isAskedFor = given.tls || Object.keys(tls).length > 0;
  return { ...(token && { token }), tls: isAskedFor && tls };
}

async function contentOf(path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    throw new UsageError('config', `can't read ${path}: ${describeError(cause)}`, { cause });
  }
}
