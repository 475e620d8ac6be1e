/** Where a server is. */
import { ClientError } from '../errors.js';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * An address from `host:port`; an IPv6 address stands in brackets.
 * @throws {ClientError} `bad-option`
 */
export function parseAddress(text: string): ServerAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port > 0 && port <= 0xffff)) {
    throw new ClientError('bad-option', `"${text}" is no server address: expected host:port`);
  }
  return { host, port };
}

export function formatAddress({ host, port }: ServerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
