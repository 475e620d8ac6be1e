/** Addresses of servers, as text and apart. */
import { ClientError } from '../errors.js';

/** Where a server is. */
export interface ServerAddress {
  /** Name or IP address; an IPv6 address without brackets. */
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

/** `host:port`, for messages. */
export function formatAddress({ host, port }: ServerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
