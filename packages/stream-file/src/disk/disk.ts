/**
 * The disk, as this package needs it: a port, so that tests can put a disk in its place that fails, tears writes and
 * loses power.
 */

/** Files by path. */
export interface Disk {
  /** Opens a file that exists. Rejects with an `ENOENT` error if it does not. */
  open(path: string): Promise<DiskFile>;
  /** Creates an empty file, or empties the one that is there. */
  create(path: string): Promise<DiskFile>;
  /** Moves a file over another one, atomically. Durable after `syncFolder`. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file if it is there. */
  remove(path: string): Promise<void>;
  /** Makes what was created, moved or removed in the folder of `path` durable. */
  syncFolder(path: string): Promise<void>;
}

/** Files by path, to be read only: what whoever looks at another process's files needs. */
export interface ReadableDisk {
  /** Opens a file that exists, for reading. Rejects with an `ENOENT` error if it does not. */
  openReadOnly(path: string): Promise<DiskFile>;
}

/** An open file. Reads and writes are by position; `at` and sizes are in bytes. */
export interface DiskFile {
  size(): Promise<number>;
  /** Fills `into` from `at`; resolves with the bytes read, fewer only at the end of the file. */
  read(at: number, into: Uint8Array): Promise<number>;
  readSync(at: number, into: Uint8Array): number;
  /** Writes all of `bytes`. */
  write(at: number, bytes: Uint8Array): Promise<void>;
  writeSync(at: number, bytes: Uint8Array): void;
  /** Cuts or extends the file; what is added reads as zeros and takes no room. */
  resizeSync(bytes: number): void;
  /** Makes all that was written durable, with the size. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
