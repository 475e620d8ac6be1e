/** A source: makes atomic operations, and brings each of them exactly once and in order to all its servers. */
import {
  checkEntry,
  CodecError,
  encodeSourceMessage,
  OperationEncoder,
  type Header,
  type SourceMessage,
} from '@ds/codec';

import { abortable, type WaitOptions } from './abortable.js';
import { AtomicOperation, type Commit, type OperationOwner } from './atomic-operation.js';
import { SourceError, type SourceErrorCode } from './errors.js';
import { parseAddress, type StreamSourceOptions } from './options.js';
import { OutboxQueue } from './outbox/outbox-queue.js';
import { OutboxReader } from './outbox/outbox-reader.js';
import type { Outbox } from './outbox/outbox.js';
import { ByteArena } from './requests/byte-arena.js';
import type { Request } from './requests/request-log.js';
import { dialTcp, dialTls } from './servers/dial.js';
import { ServerGroup } from './servers/server-group.js';

const noToken = new Uint8Array(0);

/** An encoder that holds more is not kept for the next operation. */
const KEPT_ENCODER_BYTES_MAX = 1 << 20;

/** Feeds one or more servers with operations, any number of which can be under way. */
export class StreamSource implements AsyncDisposable {
  readonly #streamType: bigint;
  readonly #owner: OperationOwner;
  readonly #group: ServerGroup;
  readonly #outbox: OutboxQueue | undefined;
  /** Entries in the stream once all that was asked for is done. */
  #entries: bigint;
  readonly #arena = new ByteArena();
  /** Of the operation that ended last, for the next one. */
  #spareEncoder: OperationEncoder | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    options: StreamSourceOptions,
    group: ServerGroup,
    outbox: OutboxQueue | undefined,
    entries: bigint,
  ) {
    this.#streamType = options.streamType ?? 1n;
    this.#owner = {
      operationBytesMax: operationBytesMaxOf(options),
      commit: (encoder, wait) => this.#commit(encoder, wait),
      rolledBack: (encoder) => {
        this.#keep(encoder);
      },
    };
    this.#group = group;
    this.#outbox = outbox;
    this.#entries = entries;
  }

  /**
   * Connects to the servers; resolves when all were tried and one at least is there.
   * @throws {SourceError} `no-server`, `fenced`, `bad-option`
   */
  static async open(options: StreamSourceOptions, wait: WaitOptions = {}): Promise<StreamSource> {
    const servers = options.servers.map(parseAddress);
    const { quorum = 'all', streamType = 1n, systemId, epoch = BigInt(Date.now()), tls = false } = options;
    const token = typeof options.token === 'string' ? Buffer.from(options.token) : (options.token ?? noToken);
    checked('bad-option', () =>
      encodeSourceMessage({ kind: 'openSource', protocolVersion: 1n, systemId, epoch, token }, streamType),
    );
    if (servers.length === 0) throw new SourceError('bad-option', 'a source needs at least one server');
    const { outbox } = options;
    const quorumMin = outbox ? 0 : 1;
    if (
      typeof quorum === 'number' &&
      !(Number.isInteger(quorum) && quorum >= quorumMin && quorum <= servers.length)
    ) {
      throw new SourceError('bad-option', `a quorum of ${quorum} among ${servers.length} servers`);
    }
    if (outbox) checkOutbox(outbox, systemId, streamType);
    wait.signal?.throwIfAborted();
    const group = new ServerGroup({
      servers,
      outbox: outbox && new OutboxReader(outbox, streamType, operationBytesMaxOf(options)),
      onFailure: (error) => queue?.fail(error),
      quorum,
      windowBytes: options.windowBytes ?? 16 << 20,
      keptBytesMax: options.keptBytesMax ?? 64 << 20,
      openMs: options.openMs ?? 30_000,
      onServerState: options.onServerState,
      link: {
        systemId,
        streamType,
        epoch,
        ownsEpoch: options.epoch === undefined,
        token,
        dial: options.dial ?? (tls === false ? dialTcp : dialTls(tls === true ? {} : tls)),
        connectMs: options.connectMs ?? 10_000,
        answerMs: options.answerMs ?? 30_000,
        retry: { firstMs: 100, longestMs: 5_000, ...options.retry },
      },
    });
    const queue =
      outbox &&
      new OutboxQueue(outbox, streamType, {
        pass: (request) => {
          group.push(request);
        },
        failed: (error) => {
          group.fail(error);
        },
      });
    try {
      const { entries } = await abortable(group.open(), wait);
      return new StreamSource(options, group, queue, entries);
    } catch (error) {
      await group.close();
      throw error;
    }
  }

  /** Number that the first entry of the operation gets that is committed next. A u64. */
  get nextEntry(): bigint {
    return this.#entries;
  }

  /**
   * Starts an atomic operation; waits while too much is unacknowledged. With `signal` it stops waiting.
   * @throws {SourceError} `closed`, or why nothing can be written any more: `fenced`, `no-server`
   */
  async startAtomicOp(wait: WaitOptions = {}): Promise<AtomicOperation> {
    this.#checkUsable();
    while (this.#congested) {
      await abortable(this.#outbox?.congested ? this.#outbox.ready() : this.#group.ready(), wait);
      this.#checkUsable();
    }
    wait.signal?.throwIfAborted();
    const encoder = this.#spareEncoder ?? new OperationEncoder(this.#streamType);
    this.#spareEncoder = undefined;
    return new AtomicOperation(this.#owner, encoder);
  }

  /**
   * Cuts the stream on all servers: this entry and all after it go. With `signal` only the wait ends.
   * @throws {SourceError} `bad-entry` if there is no such entry, or why nothing can be written any more
   */
  async truncate(entryNumber: bigint, wait: WaitOptions = {}): Promise<void> {
    this.#checkUsable();
    this.#checkExists(entryNumber);
    const bytes = this.#encode({ kind: 'truncateFile', entryNumber });
    await abortable(this.#request('truncation', bytes, this.#entries, entryNumber, undefined), wait);
  }

  /**
   * Replaces a committed entry's data by data of the same length, on all servers. With `signal` only the wait ends.
   * @throws {SourceError} `bad-entry` if there is no such entry, `refused` if it has another type or length, or why nothing
   *   can be written any more
   */
  async updateEntry(
    entryNumber: bigint,
    type: number,
    data: Uint8Array,
    wait: WaitOptions = {},
  ): Promise<void> {
    this.#checkUsable();
    this.#checkExists(entryNumber);
    checked('bad-entry', () => {
      checkEntry(type, data);
    });
    const bytes = this.#encode({ kind: 'updateEntryData', entryNumber, entryType: type, data });
    await abortable(this.#request('update', bytes, this.#entries, this.#entries, undefined), wait);
  }

  /**
   * Identity and committed size of the stream, from a server.
   * @throws {SourceError} `no-server`, `disconnected`
   */
  header(wait: WaitOptions = {}): Promise<Header> {
    return abortable(this.#group.header(), wait);
  }

  /**
   * Waits until all is acknowledged and connected servers have all of it, and ends the connections. Rejects if not all
   * could be. Operations that are open cannot be committed any more.
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
    return this.#group.close();
  }

  async #close(): Promise<void> {
    try {
      await this.#group.drained();
    } finally {
      await this.#group.close();
    }
  }

  #commit(encoder: OperationEncoder, wait: WaitOptions): Promise<Commit> {
    const firstEntry = this.#entries;
    const nextEntry = firstEntry + BigInt(encoder.entryCount);
    const commit = { firstEntry, nextEntry };
    const bytes = nextEntry === firstEntry ? undefined : this.#arena.copy(encoder.finish(firstEntry));
    this.#keep(encoder);
    if (this.#unusable) return Promise.reject(this.#unusable);
    if (!bytes) return Promise.resolve(commit);
    return abortable(this.#request('operation', bytes, firstEntry, nextEntry, commit), wait);
  }

  /** Takes back the encoder of an operation that is over. */
  #keep(encoder: OperationEncoder): void {
    encoder.clear();
    if (encoder.capacity <= KEPT_ENCODER_BYTES_MAX) this.#spareEncoder = encoder;
  }

  /** Has a request done; resolves with `result`. */
  #request<Result>(
    kind: Request['kind'],
    bytes: Uint8Array,
    entriesBefore: bigint,
    entriesAfter: bigint,
    result: Result,
  ): Promise<Result> {
    return new Promise((resolveWith, reject) => {
      const resolve = (): void => {
        resolveWith(result);
      };
      const request = { kind, bytes, entriesBefore, entriesAfter, resolve, reject };
      this.#entries = entriesAfter;
      this.#group.announce(bytes.length);
      (this.#outbox ?? this.#group).push(request);
    });
  }

  get #congested(): boolean {
    return this.#group.congested || this.#outbox?.congested === true;
  }

  /** Why nothing can be written any more. */
  get #unusable(): SourceError | undefined {
    return this.#closed ? new SourceError('closed', 'the source is closed') : this.#group.failure;
  }

  #checkUsable(): void {
    if (this.#unusable) throw this.#unusable;
  }

  #checkExists(entryNumber: bigint): void {
    const entries = this.#entries;
    if (entryNumber >= 0n && entryNumber < entries) return;
    throw new SourceError(
      'bad-entry',
      `entry ${entryNumber} does not exist: the stream has ${entries} entries`,
    );
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

function operationBytesMaxOf({ operationBytesMax = 256 << 20 }: StreamSourceOptions): number {
  return operationBytesMax;
}

function checkOutbox({ header }: Outbox, systemId: bigint, streamType: bigint): void {
  if (header.systemId === systemId && header.streamType === streamType) return;
  const message = `the outbox is of system id ${header.systemId} and stream type ${header.streamType}`;
  throw new SourceError('bad-option', `${message}, not of ${systemId} and ${streamType}`);
}
