/** How an app is told who may connect to its ports, and with what certificates. */

import { field, readToken, UsageError, type Options } from '@ds/app-kit';
import type { PortOptions, TlsFiles } from '@ds/server';

const secret = (who: string): ReturnType<typeof field.text> =>
  field.text('token').meta({
    description: `token that ${who} must show; give it in the environment, or in a file`,
    secret: true,
  });
const file = (description: string): ReturnType<typeof field.path> => field.path().meta({ description });

/** Who may connect as a client. */
export const clientAccessOptions = {
  clientToken: secret('clients').optional(),
  clientTokenFile: file('file with that token, white space around it left out').optional(),
  clientTlsCert: file('PEM file with the certificate for clients, who then need TLS').optional(),
  clientTlsKey: file('PEM file with the key of that certificate').optional(),
  clientTlsCa: file('PEM file with authorities: only clients with a certificate of theirs get in').optional(),
};

/** Who may connect as a source. */
export const sourceAccessOptions = {
  token: secret('a source').optional(),
  tokenFile: file('file with that token, white space around it left out').optional(),
  sourceTlsCert: file('PEM file with the certificate for the source, which then needs TLS').optional(),
  sourceTlsKey: file('PEM file with the key of that certificate').optional(),
  sourceTlsCa: file(
    'PEM file with authorities: only a source with a certificate of theirs gets in',
  ).optional(),
};

type Access = Pick<PortOptions, 'token' | 'tls'>;

/**
 * What the client port is to ask for.
 *
 * @throws {UsageError} `conflict` or `config`
 */
export async function clientAccessOf(given: Options<typeof clientAccessOptions>): Promise<Access> {
  const { clientToken: token, clientTokenFile: tokenFile } = given;
  const tls = tlsOf('client', given.clientTlsCert, given.clientTlsKey, given.clientTlsCa);
  return accessOf({ token, tokenFile, name: 'client-token' }, tls);
}

/**
 * What the source port is to ask for.
 *
 * @throws {UsageError} `conflict` or `config`
 */
export async function sourceAccessOf(given: Options<typeof sourceAccessOptions>): Promise<Access> {
  const { token, tokenFile } = given;
  const tls = tlsOf('source', given.sourceTlsCert, given.sourceTlsKey, given.sourceTlsCa);
  return accessOf({ token, tokenFile, name: 'token' }, tls);
}

async function accessOf(places: Parameters<typeof readToken>[0], tls: TlsFiles | undefined): Promise<Access> {
  const token = await readToken(places);
  return { ...(token && { token }), ...(tls && { tls }) };
}

function tlsOf(
  port: string,
  certFile: string | undefined,
  keyFile: string | undefined,
  clientCaFile: string | undefined,
): TlsFiles | undefined {
  if (certFile === undefined && keyFile === undefined && clientCaFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new UsageError('conflict', `TLS needs both --${port}-tls-cert and --${port}-tls-key`);
  }
  return { certFile, keyFile, ...(clientCaFile !== undefined && { clientCaFile }) };
}
