/** What a client goes by: its options, checked, with the defaults in place of what is not given. */
import { inspect } from 'node:util';

import { TOKEN_BYTES_MAX } from '@ds/codec';

import { formatAddress, parseAddress, type ServerAddress } from './connecting/address.js';
import { dialTcp, dialTls, problemOf, type Dial } from './connecting/dial.js';
import { defaultRetry, type RetryOptions } from './connecting/retry.js';
import type { ServersOptions } from './connecting/servers.js';
import { ClientError } from './errors.js';
import { checkU64 } from './following/options.js';
import type { StreamClientOptions, TlsOptions } from './options.js';

/** What the options are if they are not given. */
export const defaultOptions = {
  streamType: 1n,
  connectMs: 10_000,
  answerMs: 10_000,
  silenceMs: 0,
  bufferBytes: 512 << 10,
};

export type ClientSettings = Omit<ServersOptions, 'signal'>;

/** @throws {ClientError} `bad-option` for what makes no sense */
export function settingsOf(options: StreamClientOptions): ClientSettings {
  const { tls = false, token = '', ...given } = { ...defaultOptions, ...defined(options) };
  const retry = { ...defaultRetry, ...defined(given.retry ?? {}) };
  checkNumbers(given);
  checkRetry(retry);
  checkU64('streamType', given.streamType);
  return {
    ...given,
    retry,
    addresses: serverAddresses(options.server),
    token: tokenBytes(token),
    dial: given.dial ?? (tls === false ? dialTcp(given.bufferBytes) : tlsDial(tls === true ? {} : tls)),
    isTls: tls !== false,
    answered: new Set(),
    onState: given.onState ?? (() => undefined),
  };
}

/** What is given: an option that is undefined is not. */
function defined<T extends object>(options: T): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [Name in keyof T]: Exclude<T[Name], undefined> };
}

/** All servers, at least one. */
function serverAddresses(server: StreamClientOptions['server']): readonly ServerAddress[] {
  const addresses = [server].flat().map((each) => {
    return parseAddress(typeof each === 'object' ? formatAddress(each) : each);
  });
  if (addresses.length === 0) throw new ClientError('bad-option', 'a client needs at least one server');
  return addresses;
}

/** The token as bytes; undefined for none. */
function tokenBytes(token: string | Uint8Array): Uint8Array | undefined {
  const bytes = typeof token === 'string' ? new TextEncoder().encode(token) : token;
  if (bytes.length <= TOKEN_BYTES_MAX) return bytes.length > 0 ? bytes : undefined;
  const message = `a token of ${bytes.length} bytes: expected at most ${TOKEN_BYTES_MAX}`;
  throw new ClientError('bad-option', message);
}

/** Longest time that a timer can be set to: above, it would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;
const BUFFER_BYTES_MAX = 1 << 30;

function checkNumbers({ connectMs, answerMs, silenceMs, bufferBytes }: typeof defaultOptions): void {
  check('connectMs', connectMs, 1, TIMER_MS_MAX);
  check('answerMs', answerMs, 1, TIMER_MS_MAX);
  check('silenceMs', silenceMs, 0, TIMER_MS_MAX);
  check('bufferBytes', bufferBytes, 1, BUFFER_BYTES_MAX);
}

function checkRetry({ attemptsMax, firstMs, longestMs }: RetryOptions): void {
  check('retry.attemptsMax', attemptsMax, 0, Infinity);
  check('retry.firstMs', firstMs, 0, TIMER_MS_MAX);
  check('retry.longestMs', longestMs, 0, TIMER_MS_MAX);
}

function check(name: string, value: number, min: number, max: number): void {
  if (typeof value === 'number' && value >= min && value <= max) return;
  throw new ClientError('bad-option', `${name} is ${inspect(value)}: expected ${min} to ${max}`);
}

function tlsDial(options: TlsOptions): Dial {
  try {
    return dialTls(options);
  } catch (cause) {
    const problem = problemOf(cause as Error);
    throw new ClientError('bad-option', `tls: authorities, certificate or key cannot be used: ${problem}`, {
      cause,
    });
  }
}
