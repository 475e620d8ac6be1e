/** What went wrong with a stream file. */
export type StreamFileErrorCode =
  /** There is no file, and none was to be created. */
  | 'not-found'
  /** A file that was to be made is there already. */
  | 'exists'
  /** The file is no stream file, or not one that this program can read. */
  | 'not-a-stream-file'
  /** The file belongs to another stream than asked for, or the bookmark folder that goes with its name to another file. */
  | 'identity-mismatch'
  /** Another process, or another `StreamFile` of this one, has the file open for writing. */
  | 'locked'
  /** The file was cut, or opened by a writer, since it was looked at last: `refresh` the reader. */
  | 'changed'
  /** Bytes of the file are not what was written: rot, or a foreign writer's fault. */
  | 'damaged'
  /** The disk is full: nothing acknowledged is lost, and the call can be made again once there is room. */
  | 'disk-full'
  /** A system call failed. After a failed write nothing more is written; reads go on. */
  | 'io'
  /** An option that makes no sense. */
  | 'bad-option'
  /** The file is closed. */
  | 'closed'
  /** An atomic operation is open, and the call cannot be made meanwhile. */
  | 'operation-open'
  /** No atomic operation is open. */
  | 'no-operation'
  /** An entry that does not fit a page or is no Uint8Array, or an entry type that is not a u32 or is the bookmarks' own. */
  | 'bad-entry'
  /** A bookmark that is empty, longer than 16 bytes, or no Uint8Array. */
  | 'bad-bookmark'
  /** Entries that do not continue the stream. */
  | 'bad-sequence'
  /** An entry or bookmark that does not exist. */
  | 'entry-not-found'
  /** New data of an entry that is of another type or length than what is stored. */
  | 'update-mismatch'
  /** An answer that would be larger than allowed. */
  | 'too-large';

/** The one error class of this package. The message names file, offset and entry where they are known. */
export class StreamFileError extends Error {
  override readonly name = 'StreamFileError';
  readonly code: StreamFileErrorCode;

  constructor(code: StreamFileErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A failed system call on `path` as a typed error. */
export function ioError(path: string, doing: string, cause: unknown): StreamFileError {
  if (cause instanceof StreamFileError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new StreamFileError('disk-full', `${path}: no room on the disk while ${doing} (${code})`, {
      cause,
    });
  }
  if (code === 'ENOENT')
    return new StreamFileError('not-found', `${path}: no such file or folder`, { cause });
  return new StreamFileError('io', `${path}: ${doing} failed: ${reason}`, { cause });
}
