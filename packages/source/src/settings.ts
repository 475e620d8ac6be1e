/** What a source goes by: its options, checked, with the defaults in place of what is not given. */
import { inspect } from 'node:util';

import { CodecError, encodeSourceMessage, SOURCE_PROTOCOL_VERSION } from '@ds/codec';

import { SourceError } from './errors.js';
import type { RetryOptions, ServerAddress, StreamSourceOptions } from './options.js';
import { dialTcp, dialTls, problemOf, type Dial } from './servers/dial.js';

/** What the options are if they are not given. */
export const defaultOptions = {
  streamType: 1n,
  quorum: 'all' as 'all' | 'any' | number,
  windowBytes: 16 << 20,
  operationBytesMax: 256 << 20,
  keptBytesMax: 64 << 20,
  connectMs: 10_000,
  answerMs: 30_000,
  openMs: 30_000,
};

export const defaultRetry: RetryOptions = { firstMs: 100, longestMs: 5_000 };

type Defaults = typeof defaultOptions;

export interface SourceSettings extends Defaults {
  readonly servers: readonly ServerAddress[];
  readonly systemId: bigint;
  readonly epoch: bigint;
  /** Whether the epoch is this source's own, so that no other one can have the next higher ones. */
  readonly ownsEpoch: boolean;
  readonly token: Uint8Array;
  readonly retry: RetryOptions;
  readonly dial: Dial;
  readonly isTls: boolean;
  readonly outbox: StreamSourceOptions['outbox'];
  readonly onServerState: StreamSourceOptions['onServerState'];
}

/** @throws {SourceError} `bad-option` for what makes no sense */
export function settingsOf(options: StreamSourceOptions): SourceSettings {
  const { epoch, token = '', tls = false, ...given } = { ...defaultOptions, ...defined(options) };
  const settings = {
    ...given,
    outbox: given.outbox,
    onServerState: given.onServerState,
    servers: [options.servers].flat().map((each) => parseAddress(each)),
    epoch: epoch ?? BigInt(Date.now()),
    ownsEpoch: epoch === undefined,
    token: typeof token === 'string' ? new TextEncoder().encode(token) : token,
    retry: { ...defaultRetry, ...defined(given.retry ?? {}) },
    dial: given.dial ?? (tls === false ? dialTcp : tlsDial(tls === true ? {} : tls)),
    isTls: tls !== false,
  };
  checkNumbers(settings);
  checkIdentity(settings);
  checkServers(settings);
  return settings;
}

/** What is given: an option that is undefined is not. */
function defined<T extends object>(options: T): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [Name in keyof T]: Exclude<T[Name], undefined> };
}

/** Longest time that a timer can be set to: above, it would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

function checkNumbers(settings: SourceSettings): void {
  const { windowBytes, operationBytesMax, keptBytesMax, connectMs, answerMs, openMs, retry } = settings;
  const bytes = { windowBytes, operationBytesMax, keptBytesMax };
  for (const [name, value] of Object.entries(bytes)) check(name, value, 0, Number.MAX_SAFE_INTEGER);
  const times = { connectMs, answerMs, openMs };
  for (const [name, value] of Object.entries(times)) check(name, value, 1, TIMER_MS_MAX);
  check('retry.firstMs', retry.firstMs, 0, TIMER_MS_MAX);
  check('retry.longestMs', retry.longestMs, 0, TIMER_MS_MAX);
}

function check(name: string, value: number, min: number, max: number): void {
  if (typeof value === 'number' && value >= min && value <= max) return;
  throw new SourceError('bad-option', `${name} is ${inspect(value)}: expected ${min} to ${max}`);
}

/** What a server is told first has to be such that it can be told. */
function checkIdentity({ systemId, streamType, epoch, token }: SourceSettings): void {
  const protocolVersion = SOURCE_PROTOCOL_VERSION;
  try {
    encodeSourceMessage({ kind: 'openSource', protocolVersion, systemId, epoch, token }, streamType);
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw new SourceError('bad-option', cause.message, { cause });
  }
}

function checkServers({ servers, quorum, outbox }: SourceSettings): void {
  if (servers.length === 0) throw new SourceError('bad-option', 'a source needs at least one server');
  checkDifferent(servers.map(({ host, port }) => `${host}:${port}`));
  if (quorum === 'all' || quorum === 'any') return;
  const quorumMin = outbox ? 0 : 1;
  if (Number.isInteger(quorum) && quorum >= quorumMin && quorum <= servers.length) return;
  const expected = `'all', 'any', or ${quorumMin} to ${servers.length}, the number of servers`;
  throw new SourceError('bad-option', `quorum is ${inspect(quorum)}: expected ${expected}`);
}

/** A server takes one connection of a source: two would keep each other out, over and over. */
function checkDifferent(addresses: readonly string[]): void {
  const twice = addresses.find((address, at) => addresses.indexOf(address) < at);
  if (twice !== undefined) throw new SourceError('bad-option', `server ${twice} is given twice`);
}

function tlsDial(options: Parameters<typeof dialTls>[0]): Dial {
  try {
    return dialTls(options);
  } catch (cause) {
    const problem = problemOf(cause as Error);
    throw new SourceError('bad-option', `tls: authorities, certificate or key cannot be used: ${problem}`, {
      cause,
    });
  }
}

function parseAddress(address: string | ServerAddress): ServerAddress {
  const { host, port } = typeof address === 'object' ? address : splitAddress(address);
  if (host !== '' && Number.isInteger(port) && port > 0 && port <= 0xffff) return { host, port };
  const given = typeof address === 'object' ? `${host}:${port}` : address;
  throw new SourceError('bad-option', `"${given}" is no server address: expected host:port`);
}

function splitAddress(text: string): ServerAddress {
  const [, bracketed, plain = '', port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  return { host: bracketed ?? plain, port: Number(port) };
}
