/** What a server goes by: its options, checked, with the defaults in place of what is not given. */
import { inspect } from 'node:util';
import { isUint8Array } from 'node:util/types';

import { TOKEN_BYTES_MAX } from '@ds/codec';

import { ServerError } from './errors.js';
import { defaultLimits, type PortOptions, type ServerLimits } from './options.js';
import type { BoundAddress } from './ports/listener.js';
import type { TlsFiles } from './ports/tls.js';
import type { StreamServerOptions } from './server.js';

interface PortSettings extends BoundAddress {
  readonly token: Uint8Array | undefined;
  readonly tls: TlsFiles | undefined;
}

export interface ServerSettings {
  readonly clients: PortSettings;
  readonly source: PortSettings | undefined;
  readonly limits: ServerLimits;
}

/** @throws {ServerError} `bad-option` for what makes no sense */
export function settingsOf({ clients, source, limits }: StreamServerOptions): ServerSettings {
  return {
    clients: portOf('clients', clients, '0.0.0.0'),
    source: source && portOf('source', source, '127.0.0.1'),
    limits: limitsOf(limits ?? {}),
  };
}

function portOf(
  name: string,
  { host = '', port, token, tls }: PortOptions,
  defaultHost: string,
): PortSettings {
  if (!Number.isInteger(port)) throw badOption(`${name}.port`, port, 'an integer, 0 to 65535');
  check(`${name}.port`, port, 0, 0xffff);
  if (tls?.reloadMs !== undefined) check(`${name}.tls.reloadMs`, tls.reloadMs, 1, TIMER_MS_MAX);
  // An empty host would be that of all interfaces.
  return { host: host || defaultHost, port, token: tokenOf(name, token), tls };
}

/** An empty token would keep out all clients, and no source. */
function tokenOf(name: string, token: PortOptions['token']): Uint8Array | undefined {
  if (token === undefined) return undefined;
  const bytes = typeof token === 'string' ? new TextEncoder().encode(token) : token;
  if (isUint8Array(bytes) && bytes.length > 0 && bytes.length <= TOKEN_BYTES_MAX) return bytes;
  const given = isUint8Array(bytes) ? `of ${bytes.length} bytes` : 'no text and no bytes';
  throw new ServerError('bad-option', `${name}.token is ${given}: expected 1 to ${TOKEN_BYTES_MAX} bytes`);
}

/** With less, nothing would be served. */
const leastLimits: Partial<ServerLimits> = { sendBytesMax: 1, queriesPerSecondMax: 1 };

function limitsOf(given: NonNullable<StreamServerOptions['limits']>): ServerLimits {
  const limits = { ...defaultLimits };
  for (const name of Object.keys(defaultLimits) as (keyof ServerLimits)[]) {
    limits[name] = given[name] ?? defaultLimits[name];
    const max = name.endsWith('Ms') ? TIMER_MS_MAX : Number.MAX_SAFE_INTEGER;
    check(`limits.${name}`, limits[name], leastLimits[name] ?? 0, max);
  }
  return limits;
}

/** Longest time that a timer can be set to: above, it would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

function check(name: string, value: number, min: number, max: number): void {
  if (typeof value === 'number' && value >= min && value <= max) return;
  throw badOption(name, value, `${min} to ${max}`);
}

function badOption(name: string, value: unknown, expected: string): ServerError {
  return new ServerError('bad-option', `${name} is ${inspect(value)}: expected ${expected}`);
}
