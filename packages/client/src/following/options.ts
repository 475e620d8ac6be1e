/** What can be asked for when a stream is followed. */
import { inspect } from 'node:util';
import { isUint8Array } from 'node:util/types';

import { BOOKMARK_BYTES_MAX } from '@ds/codec';

import { ClientError } from '../errors.js';
import type { StreamPosition } from '../resuming/position.js';

/** What all calls that wait can be given. */
export interface WaitOptions {
  /**
   * Ends the wait, or what is followed: the call, or the loop, rejects with the signal's reason. One that is aborted already
   * keeps it from doing anything.
   */
  readonly signal?: AbortSignal | undefined;
}

export interface BatchOptions extends WaitOptions {
  /**
   * Where to start: an entry's number (a u64), a bookmark's key (1 to 16 bytes), `latest` (with the next entry to come), or a
   * position that was kept: then the server must still have the entry before it. Default `0n`.
   */
  readonly from?: bigint | Uint8Array | 'latest' | StreamPosition | undefined;
  /** Ends after so many entries. Not with `until`. */
  readonly count?: bigint | undefined;
  /** Ends after the entry with this number; at once, if that is before the start. Not with `count`. */
  readonly until?: bigint | undefined;
  /**
   * Gives views of the connection's one buffer, which are valid only until the next batch is asked for. Saves copying each
   * batch. Default false: what is given stays what it is.
   */
  readonly reuseBuffer?: boolean | undefined;
}

export interface FollowOptions extends Omit<BatchOptions, 'reuseBuffer'> {
  /** Gives entries of these types, u32s, only. All others still come from the server; `count` counts those that are given. */
  readonly types?: readonly number[] | undefined;
}

/** @throws {ClientError} `bad-option` for what cannot be asked for */
export function checkFollowing({ from, count, until, types = [] }: FollowOptions): void {
  for (const type of types) checkType(type);
  if (count !== undefined) checkU64('count', count);
  if (until !== undefined) checkU64('until', until);
  if (count !== undefined && until !== undefined) {
    throw new ClientError('bad-option', 'follow takes `count` or `until`, not both');
  }
  if (from === undefined || from === 'latest') return;
  if (isUint8Array(from)) checkKey(from);
  else if (isPosition(from)) checkU64('from.nextEntry', from.nextEntry);
  else checkU64('from', from, "or a bookmark's key, `latest`, or a position");
}

/** Entries of any other type never come. */
function checkType(type: unknown): void {
  if (Number.isInteger(type) && Number(type) >= 0 && Number(type) <= 0xffff_ffff) return;
  throw new ClientError('bad-option', `types has ${inspect(type)}: expected integers from 0 to 2 ** 32 - 1`);
}

/** Text, say, would be taken for so many zeros. */
export function checkKey(key: unknown): void {
  if (!isUint8Array(key)) throw new ClientError('bad-option', 'the key of a bookmark is not a Uint8Array');
  if (key.length >= 1 && key.length <= BOOKMARK_BYTES_MAX) return;
  const expected = `expected 1 to ${BOOKMARK_BYTES_MAX}`;
  throw new ClientError('bad-option', `a bookmark of ${key.length} bytes: ${expected}`);
}

/**
 * @param others what else is taken, for the message
 * @throws {ClientError} `bad-option`
 */
export function checkU64(name: string, value: unknown, others = ''): void {
  if (typeof value === 'bigint' && BigInt.asUintN(64, value) === value) return;
  const expected = `expected a bigint from 0n to 2n ** 64n - 1n${others && ` ${others}`}`;
  throw new ClientError('bad-option', `${name} is ${inspect(value)}: ${expected}`);
}

export function isPosition(from: unknown): from is StreamPosition {
  return typeof from === 'object' && from !== null && 'nextEntry' in from;
}

/** How many entries are wanted, as far as it is known before the first one: undefined is without end. */
export function entriesWanted(
  { count, until }: Pick<BatchOptions, 'count' | 'until'>,
  from: bigint | Uint8Array | 'latest',
): bigint | undefined {
  if (until !== undefined && typeof from === 'bigint') return until < from ? 0n : until - from + 1n;
  return count;
}
