/**
 * A source: makes atomic operations, and brings each of them exactly once and in order to all its servers.
 *
 * An operation is built in memory and encoded once. Nothing of it is sent before it is committed, so one that is rolled
 * back leaves no trace anywhere.
 */
import {
  BOOKMARK_ENTRY_TYPE,
  checkBookmark,
  checkEntry,
  CodecError,
  encodeSourceMessage,
  type Header,
  type SourceMessage,
} from '@ds/codec';

import { SourceError, type SourceErrorCode } from './errors.js';
import { parseAddress, type StreamSourceOptions } from './options.js';
import type { Request, RequestLog } from './request-log.js';
import { ServerGroup } from './server-group.js';

/** The entries of an operation that is acknowledged. */
export interface Commit {
  /** Number of the first one; that of the next entry if the operation was empty. A u64. */
  readonly firstEntry: bigint;
  /** Number of the entry behind the last one. A u64. */
  readonly nextEntry: bigint;
}

const noToken = new Uint8Array(0);

/** The open operation. */
interface Operation {
  readonly firstEntry: bigint;
  readonly messages: Uint8Array[];
  bytes: number;
  nextEntry: bigint;
}

/** Feeds one or more servers. One operation can be open at a time; commits can be under way in any number. */
export class StreamSource implements AsyncDisposable {
  readonly #streamType: bigint;
  readonly #operationBytesMax: number;
  readonly #group: ServerGroup;
  readonly #log: RequestLog;
  #operation: Operation | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: StreamSourceOptions, group: ServerGroup, log: RequestLog) {
    this.#streamType = options.streamType ?? 1n;
    this.#operationBytesMax = options.operationBytesMax ?? 256 << 20;
    this.#group = group;
    this.#log = log;
  }

  /**
   * Connects to the servers; resolves when all were tried and one at least is there.
   * @throws {SourceError} `no-server`, `fenced`, `bad-option`
   */
  static async open(options: StreamSourceOptions): Promise<StreamSource> {
    const servers = options.servers.map(parseAddress);
    const {
      quorum = 'all',
      streamType = 1n,
      systemId,
      epoch = BigInt(Date.now()),
      token = noToken,
    } = options;
    checked('bad-option', () =>
      encodeSourceMessage({ kind: 'openSource', protocolVersion: 1n, systemId, epoch, token }, streamType),
    );
    if (servers.length === 0) throw new SourceError('bad-option', 'a source needs at least one server');
    if (typeof quorum === 'number' && !(Number.isInteger(quorum) && quorum > 0 && quorum <= servers.length)) {
      throw new SourceError('bad-option', `a quorum of ${quorum} among ${servers.length} servers`);
    }
    const group = new ServerGroup({
      servers,
      quorum,
      windowBytes: options.windowBytes ?? 16 << 20,
      keptBytesMax: options.keptBytesMax ?? 64 << 20,
      openMs: options.openMs ?? 30_000,
      onServerState: options.onServerState,
      link: {
        systemId,
        streamType,
        epoch,
        token,
        connectMs: options.connectMs ?? 10_000,
        answerMs: options.answerMs ?? 30_000,
        retry: { firstMs: 100, longestMs: 5_000, ...options.retry },
      },
    });
    try {
      return new StreamSource(options, group, await group.open());
    } catch (error) {
      await group.close();
      throw error;
    }
  }

  /** Number that the next entry gets, the open operation's and all unacknowledged ones counted. A u64. */
  get nextEntry(): bigint {
    return this.#operation?.nextEntry ?? this.#log.entries;
  }

  /**
   * Opens an atomic operation; waits while too much is unacknowledged.
   * @throws {SourceError} `operation-open`, `closed`, or why nothing can be written any more: `fenced`, `no-server`
   */
  async startAtomicOp(): Promise<void> {
    this.#checkIdle();
    await this.#group.ready();
    this.#checkIdle();
    const firstEntry = this.#log.entries;
    this.#operation = { firstEntry, nextEntry: firstEntry, messages: [], bytes: 0 };
    this.#add(this.#operation, { kind: 'startAtomicOp', expectedEntry: firstEntry });
  }

  /**
   * Adds an entry to the open operation; returns the number it will have. The data are copied.
   * @throws {SourceError} `no-operation`, `bad-entry`, or `too-large`, which leaves the operation open without the entry
   */
  addStreamEntry(type: number, data: Uint8Array): bigint {
    const operation = this.#openOperation();
    if (type === BOOKMARK_ENTRY_TYPE) {
      throw new SourceError(
        'bad-entry',
        `entry type ${type} is kept for bookmarks: add one with addStreamBookmark`,
      );
    }
    checked('bad-entry', () => {
      checkEntry(type, data);
    });
    this.#add(operation, { kind: 'addStreamEntry', entryType: type, data });
    return operation.nextEntry++;
  }

  /**
   * Adds a bookmark to the open operation; returns the number of its entry.
   * @throws {SourceError} `no-operation`, `bad-entry` unless the key has 1 to 16 bytes, or `too-large`
   */
  addStreamBookmark(key: Uint8Array): bigint {
    const operation = this.#openOperation();
    checked('bad-entry', () => {
      checkBookmark(key);
    });
    this.#add(operation, { kind: 'addStreamBookmark', bookmark: key });
    return operation.nextEntry++;
  }

  /**
   * Commits the open operation; resolves when enough servers have acknowledged it.
   * An operation without entries changes nothing, and is sent to nobody.
   * @throws {SourceError} `no-operation`, or why nothing can be written any more
   */
  async commitAtomicOp(): Promise<Commit> {
    const operation = this.#openOperation();
    this.#operation = undefined;
    const { firstEntry, nextEntry } = operation;
    if (nextEntry > firstEntry) {
      operation.messages.push(this.#encode({ kind: 'commitAtomicOp' }));
      await this.#request('operation', Buffer.concat(operation.messages), firstEntry, nextEntry);
    }
    return { firstEntry, nextEntry };
  }

  /**
   * Rolls the open operation back, as if it had never been.
   * @throws {SourceError} `no-operation`
   */
  rollbackAtomicOp(): void {
    this.#openOperation();
    this.#operation = undefined;
  }

  /**
   * Cuts the stream on all servers: this entry and all after it go.
   * @throws {SourceError} `operation-open`, `bad-entry` if there is no such entry, or why nothing can be written any more
   */
  async truncateFile(entryNumber: bigint): Promise<void> {
    this.#checkIdle();
    this.#checkExists(entryNumber);
    const bytes = this.#encode({ kind: 'truncateFile', entryNumber });
    await this.#request('truncation', bytes, this.#log.entries, entryNumber);
  }

  /**
   * Replaces a committed entry's data by data of the same length, on all servers.
   * @throws {SourceError} `operation-open`, `bad-entry` if there is no such entry, `refused` if it has another type or
   *   length, or why nothing can be written any more
   */
  async updateEntryData(entryNumber: bigint, type: number, data: Uint8Array): Promise<void> {
    this.#checkIdle();
    this.#checkExists(entryNumber);
    checked('bad-entry', () => {
      checkEntry(type, data);
    });
    const bytes = this.#encode({ kind: 'updateEntryData', entryNumber, entryType: type, data });
    await this.#request('update', bytes, this.#log.entries, this.#log.entries);
  }

  /**
   * Identity and committed size of the stream, from a server.
   * @throws {SourceError} `no-server`, `disconnected`
   */
  getHeader(): Promise<Header> {
    return this.#group.header();
  }

  /**
   * Rolls back what is open, waits until all is acknowledged and connected servers have all of it, and ends the
   * connections. Rejects if not all could be.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends the connections at once. What is not acknowledged rejects with `closed`, and may or may not be in the stream. */
  abort(): Promise<void> {
    this.#operation = undefined;
    return this.#group.close();
  }

  async #close(): Promise<void> {
    this.#operation = undefined;
    try {
      await this.#group.drained();
    } finally {
      await this.#group.close();
    }
  }

  #request(
    kind: Request['kind'],
    bytes: Uint8Array,
    entriesBefore: bigint,
    entriesAfter: bigint,
  ): Promise<void> {
    const { failure } = this.#group;
    if (failure) return Promise.reject(failure);
    return new Promise((resolve, reject) => {
      this.#group.push({ kind, bytes, entriesBefore, entriesAfter, resolve, reject });
    });
  }

  #checkIdle(): void {
    if (this.#closed) throw new SourceError('closed', 'the source is closed');
    if (this.#operation)
      throw new SourceError('operation-open', 'an atomic operation is open: commit it or roll it back first');
  }

  #checkExists(entryNumber: bigint): void {
    const { entries } = this.#log;
    if (entryNumber >= 0n && entryNumber < entries) return;
    throw new SourceError(
      'bad-entry',
      `entry ${entryNumber} does not exist: the stream has ${entries} entries`,
    );
  }

  #openOperation(): Operation {
    if (!this.#operation) throw new SourceError('no-operation', 'no atomic operation is open');
    return this.#operation;
  }

  #add(operation: Operation, message: SourceMessage): void {
    const bytes = this.#encode(message);
    if (operation.bytes + bytes.length > this.#operationBytesMax) {
      const message = `the operation from entry ${operation.firstEntry} on is larger than ${this.#operationBytesMax} bytes`;
      throw new SourceError('too-large', message);
    }
    operation.messages.push(bytes);
    operation.bytes += bytes.length;
  }

  #encode(message: SourceMessage): Uint8Array {
    return encodeSourceMessage(message, this.#streamType);
  }
}

/** Runs a check of the codec's, whose error becomes this package's. */
function checked(code: SourceErrorCode, check: () => unknown): void {
  try {
    check();
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw new SourceError(code, cause.message, { cause });
  }
}
