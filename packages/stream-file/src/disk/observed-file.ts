/**
 * A stream file that another process may be writing to, as seen from outside: what it has committed, and reads that
 * notice when the ground has moved.
 *
 * A writer renews the file's session, in the newest commit slot, before it changes anything that was committed. So bytes
 * that were read before the session was seen unchanged are those that were committed. A slot that is torn, since it is
 * being written, does not count: what it stands for has not begun. Another program's file has no session; of such a file
 * only a smaller size is noticed.
 */
import { equalBytes } from '@ds/codec';

import { readHeaderPage, type Extent, type HeaderPageState } from '../commits/header-page.js';
import { ioError, StreamFileError } from '../errors.js';
import { newestWhole, parseHeaderPage } from '../opening/recovery.js';
import { HEADER_PAGE_BYTES } from '../pages/geometry.js';
import type { DiskFile, ReadableDisk } from './disk.js';

/**
 * How a file was left: `clean` by a writer that closed it; `open` by one that has it open or has died; `foreign` by
 * another program, such as the Go reference.
 */
export type FileState = 'clean' | 'open' | 'foreign';

/** What is committed in a file at a moment. */
export interface Sighting {
  readonly page: HeaderPageState;
  /** The header page as it was read. */
  readonly pageBytes: Uint8Array;
  readonly state: FileState;
  readonly committed: Extent;
  /** Epoch of the newest source. */
  readonly epoch: bigint;
  /** What ties the page directory to the file; undefined for another program's file. */
  readonly session: bigint | undefined;
  /** Sequence of the newest commit slot; 0 if there is none. */
  readonly sequence: number;
  /** Bytes of the file. */
  readonly size: number;
}

const ATTEMPTS_MAX = 20;
const ATTEMPT_INTERVAL_MS = 5;

export class ObservedFile implements DiskFile {
  readonly path: string;
  readonly #file: DiskFile;
  #expected: Sighting | undefined;

  private constructor(path: string, file: DiskFile) {
    this.path = path;
    this.#file = file;
  }

  /** @throws {StreamFileError} `not-found` or `io` */
  static async open(disk: ReadableDisk, path: string): Promise<ObservedFile> {
    try {
      return new ObservedFile(path, await disk.openReadOnly(path));
    } catch (error) {
      throw ioError(path, 'opening', error);
    }
  }

  /**
   * Finds out what is committed, which is what a recovery would find at this moment; reads are held against it from
   * now on. The file may be too short for it.
   * @throws {StreamFileError} `not-a-stream-file` or `io`
   */
  async look(): Promise<Sighting> {
    let last: Uint8Array | undefined;
    for (let attempt = 1; ; attempt++) {
      const bytes = await this.#headerPage();
      const isSettled = attempt === ATTEMPTS_MAX || (last !== undefined && equalBytes(last, bytes));
      const sighting = await this.#sight(bytes, isSettled);
      if (sighting) {
        this.#expected = sighting;
        return sighting;
      }
      last = bytes;
      await new Promise((resolve) => setTimeout(resolve, ATTEMPT_INTERVAL_MS));
    }
  }

  /** Undefined where the page may have been read in the middle of a commit. */
  async #sight(bytes: Uint8Array, isSettled: boolean): Promise<Sighting | undefined> {
    const { path } = this;
    const page = parseHeaderPage(bytes, path);
    const [newest] = page.commits;
    const size = await this.size();
    const seen = {
      page,
      pageBytes: bytes,
      epoch: newest?.epoch ?? 0n,
      sequence: newest?.sequence ?? 0,
      size,
    };
    if (!page.ours || !newest) {
      if (!isSettled) return undefined;
      return { ...seen, state: 'foreign', committed: page.extent, session: undefined };
    }
    const { session } = newest;
    if (newest.clean) return { ...seen, state: 'clean', committed: newest.end, session };
    const whole = await newestWhole(this.#file, page.commits, size);
    // The writer may have cut the stream meanwhile, and written on.
    if (whole.end.length !== newest.end.length && !isSettled) return undefined;
    return { ...seen, state: 'open', committed: whole.end, session };
  }

  size(): Promise<number> {
    return this.#file.size().catch((error: unknown) => {
      throw ioError(this.path, 'reading the size', error);
    });
  }

  /** @throws {StreamFileError} `changed` if the bytes may not be those that were committed when it was looked at */
  async read(at: number, into: Uint8Array): Promise<number> {
    const count = await this.#file.read(at, into);
    this.checkUnchanged();
    return count;
  }

  /** As `read`. */
  readSync(at: number, into: Uint8Array): number {
    const count = this.#file.readSync(at, into);
    this.checkUnchanged();
    return count;
  }

  write(): Promise<void> {
    return Promise.reject(this.#refusal());
  }

  writeSync(): never {
    throw this.#refusal();
  }

  resizeSync(): never {
    throw this.#refusal();
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** @throws {StreamFileError} `changed` if what was read beside the file need not belong to it as it was looked at */
  checkUnchanged(): void {
    const expected = this.#expected;
    if (!expected) return;
    const bytes = new Uint8Array(HEADER_PAGE_BYTES);
    this.#file.readSync(0, bytes);
    const { ours, commits, extent } = readHeaderPage(bytes);
    const [newest] = commits;
    // A header that is being written looks foreign for a moment; the session alone tells.
    const isUnchanged =
      expected.session === undefined
        ? !ours && extent.length >= expected.committed.length
        : newest?.session === expected.session;
    if (isUnchanged) return;
    throw new StreamFileError(
      'changed',
      `${this.path} was cut, or opened by another writer, while it was read: start again`,
    );
  }

  async #headerPage(): Promise<Uint8Array> {
    const bytes = new Uint8Array(HEADER_PAGE_BYTES);
    let count: number;
    try {
      count = await this.#file.read(0, bytes);
    } catch (error) {
      throw ioError(this.path, 'reading the header page', error);
    }
    if (count === HEADER_PAGE_BYTES) return bytes;
    throw new StreamFileError(
      'not-a-stream-file',
      `${this.path}: ${count} bytes are too few for a header page`,
    );
  }

  #refusal(): StreamFileError {
    return new StreamFileError('io', `${this.path} is open for reading only`);
  }
}

/**
 * Refuses a file that is too short for what is committed in it.
 * @throws {StreamFileError} `damaged`
 */
export function checkSize({ committed, size }: Sighting, path: string): void {
  const { length } = committed;
  if (Number.isSafeInteger(length) && length >= HEADER_PAGE_BYTES && length <= size) return;
  throw new StreamFileError(
    'damaged',
    `${path}: the header says that ${length} bytes are in use, but the file has ${size}`,
  );
}

/** Whether there is a file that can be read. */
export async function isThere(disk: ReadableDisk, path: string): Promise<boolean> {
  try {
    await (await disk.openReadOnly(path)).close();
    return true;
  } catch {
    return false;
  }
}
