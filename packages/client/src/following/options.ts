/** What can be asked for when a stream is followed. */
import { ClientError } from '../errors.js';
import type { StreamPosition } from '../resuming/position.js';

export interface BatchOptions {
  /**
   * Where to start: an entry's number, a bookmark's key, `latest` (with the next entry to come), or a position that was
   * kept: then the server must still have the entry before it. Default 0.
   */
  readonly from?: bigint | Uint8Array | 'latest' | StreamPosition;
  /** Ends after so many entries. */
  readonly count?: bigint;
  /** Ends after this entry. */
  readonly until?: bigint;
  /** Ends it with `closed`. */
  readonly signal?: AbortSignal;
  /**
   * Gives views of the connection's one buffer, which are valid only until the next batch is asked for. Saves copying each
   * batch. Default false: what is given stays what it is.
   */
  readonly reuseBuffer?: boolean;
}

export interface FollowOptions extends Omit<BatchOptions, 'reuseBuffer'> {
  /** Gives entries of these types only. All others still come from the server; `count` counts those that are given. */
  readonly types?: readonly number[];
}

export function isPosition(from: BatchOptions['from']): from is StreamPosition {
  return typeof from === 'object' && 'nextEntry' in from;
}

/** How many entries are wanted, as far as it is known before the first one: undefined is without end. */
export function entriesWanted(
  { count, until }: Pick<BatchOptions, 'count' | 'until'>,
  from: bigint | Uint8Array | 'latest',
): bigint | undefined {
  if (count !== undefined && until !== undefined) {
    throw new ClientError('bad-option', 'follow takes `count` or `until`, not both');
  }
  if (count !== undefined && count < 0n) throw new ClientError('bad-option', `a count of ${count} entries`);
  if (until !== undefined && typeof from === 'bigint') return until < from ? 0n : until - from + 1n;
  return count;
}
