/**
 * Positions in a stream that can be kept: to go on later, in another process, with the certainty that it is the same stream
 * and that nothing was missed or got twice.
 */
import { createHash } from 'node:crypto';

import { readU64, type StreamIdentity } from '@ds/codec';

import { ClientError } from '../errors.js';

/** Where to go on in a stream. Plain data: keep it as `formatPosition` writes it, or in any other way. */
export interface StreamPosition {
  /** Which stream it is: its system id, a u64. */
  readonly systemId: bigint;
  /** And its type, a u64. */
  readonly streamType: bigint;
  /** Number of the entry that comes next, a u64. */
  readonly nextEntry: bigint;
  /** SHA-256 of the entry before that, as it stands on the wire, in hexadecimal; what is not given is not checked. */
  readonly lastEntry?: string;
}

type Identity = Pick<StreamIdentity, 'systemId' | 'streamType'>;

/** The position behind an entry. `entry` is as it stands on the wire and in the file, head included. */
export function positionAfter({ systemId, streamType }: Identity, entry: Uint8Array): StreamPosition {
  return { systemId, streamType, nextEntry: readU64(entry, 9) + 1n, lastEntry: digestOf(entry) };
}

/** SHA-256 in hexadecimal. */
export function digestOf(entry: Uint8Array): string {
  return createHash('sha256').update(entry).digest('hex');
}

/** A position as a line of JSON, its numbers in quotes, as JSON's lose digits above 2^53. */
export function formatPosition({ systemId, streamType, nextEntry, lastEntry }: StreamPosition): string {
  return JSON.stringify({
    systemId: String(systemId),
    streamType: String(streamType),
    nextEntry: String(nextEntry),
    lastEntry,
  });
}

/**
 * The position that `formatPosition` has written.
 * @throws {ClientError} `bad-checkpoint`
 */
export function parsePosition(text: string): StreamPosition {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new ClientError('bad-checkpoint', `not a position in a stream: ${abridged(text)}`, { cause });
  }
  const { systemId, streamType, nextEntry, lastEntry } = Object(parsed) as Record<string, unknown>;
  if (
    !isNumber(systemId) ||
    !isNumber(streamType) ||
    !isNumber(nextEntry) ||
    !(lastEntry === undefined || isDigest(lastEntry))
  ) {
    throw new ClientError('bad-checkpoint', `not a position in a stream: ${abridged(text)}`);
  }
  return {
    systemId: BigInt(systemId),
    streamType: BigInt(streamType),
    nextEntry: BigInt(nextEntry),
    ...(lastEntry !== undefined && { lastEntry }),
  };
}

function isNumber(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,20}$/.test(value) && BigInt(value) < 2n ** 64n;
}

function isDigest(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function abridged(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text);
}
