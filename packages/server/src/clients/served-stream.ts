/**
 * The stream, as whoever serves a client needs it: a port. A `StreamFile` has it; in a worker, a reader of the same file
 * that the main process keeps up to date.
 */
import type { Header, StreamIdentity } from '@ds/codec';
import type { StreamFile } from '@ds/stream-file';

/** As far as no more is said here, members are those of `StreamFile`. */
export interface ServedStream extends Pick<StreamFile, 'borrow' | 'getEntryBytes' | 'offsetOf'> {
  readonly identity: StreamIdentity;
  /** Bytes that clients may be sent by now. */
  readonly committedLength: number;
  readonly header: Header | Promise<Header>;
  getBookmark(key: Uint8Array): bigint | undefined | Promise<bigint | undefined>;
  getFirstEventBytesAfterBookmark(key: Uint8Array): Promise<Uint8Array | undefined>;
}
