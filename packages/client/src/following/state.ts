/** What following a stream is doing, and how far it is. */
import type { Header } from '@ds/codec';

import type { ClientError } from '../errors.js';

/** What becomes of the connection. `server` is `host:port`. */
export type FollowState =
  | { readonly kind: 'connecting'; readonly server: string }
  /** Entries come that the stream had when the connection was made; `header` is of that moment. */
  | { readonly kind: 'catching-up'; readonly server: string; readonly header: Header }
  /** All of those have come: the next entries are those that are committed now. */
  | { readonly kind: 'live'; readonly server: string; readonly header: Header }
  /** The connection was lost, or not made, for `error`. It, or one to another server, is made in `waitMs`. */
  | {
      readonly kind: 'reconnecting';
      readonly server: string;
      readonly error: ClientError;
      readonly waitMs: number;
    };

/** How far following is, at the moment. */
export interface FollowProgress {
  /** Number of the entry that comes next, a u64; undefined until it is known. */
  readonly nextEntry: bigint | undefined;
  /**
   * Entries of the stream, a u64, as far as the client has heard: when it connected, and whenever it is asked for the header;
   * undefined before.
   */
  readonly totalEntries: bigint | undefined;
  /** Entries between the two, a u64: 0 when all that is known of was given. */
  readonly lag: bigint | undefined;
  /** Entries that have come so far, those of the current batch counted. A safe integer. */
  readonly entries: number;
  /** Bytes of these, their heads of 17 bytes included. A safe integer. */
  readonly bytes: number;
  /** Entries that have come in a second, as of late. */
  readonly entriesPerSecond: number;
  /** Bytes that have come in a second, as of late. */
  readonly bytesPerSecond: number;
}
