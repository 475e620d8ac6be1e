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
import { AtomicOperation, checkBytes, type Commit, type OperationOwner } from './atomic-operation.js';
import { SourceError } from './errors.js';
import type { StreamSourceOptions } from './options.js';
import { OutboxQueue } from './outbox/outbox-queue.js';
import { OutboxReader } from './outbox/outbox-reader.js';
import type { Outbox } from './outbox/outbox.js';
import { ByteArena } from './requests/byte-arena.js';
import type { Request } from './requests/request-log.js';
import { ServerGroup } from './servers/server-group.js';
import { settingsOf, type SourceSettings } from './settings.js';

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
    { streamType, operationBytesMax }: SourceSettings,
    group: ServerGroup,
    outbox: OutboxQueue | undefined,
    entries: bigint,
  ) {
    this.#streamType = streamType;
    this.#owner = {
      operationBytesMax,
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
   * Connects to the servers; resolves when all were tried and one at least is there. With an outbox it resolves at once.
   * @throws {SourceError} `bad-option`, `fenced`, or `no-server`, whose `cause` is what a server has said
   */
  static async open(options: StreamSourceOptions, wait: WaitOptions = {}): Promise<StreamSource> {
    const settings = settingsOf(options);
    const { streamType, outbox } = settings;
    if (outbox) checkOutbox(outbox, settings);
    wait.signal?.throwIfAborted();
    const group = new ServerGroup({
      ...settings,
      outbox: outbox && new OutboxReader(outbox, streamType, settings.operationBytesMax),
      onFailure: (error) => queue?.fail(error),
      link: settings,
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
      return new StreamSource(settings, group, queue, entries);
    } catch (error) {
      await group.close();
      throw error;
    }
  }

  /** Number that the first entry gets of the operation that is committed next. A u64. */
  get nextEntry(): bigint {
    return this.#entries;
  }

  /**
   * Starts an atomic operation; waits while more than `windowBytes` are unacknowledged.
   * @throws {SourceError} `closed`, or why nothing can be written any more: `fenced`, `no-server`, `outbox`
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
   * Cuts the stream on all servers: this entry and all after it go.
   * @param wait `signal` ends the wait alone: the truncation is on its way. One that is aborted already keeps it from that.
   * @throws {SourceError} `bad-entry` if there is no such entry, or why nothing can be written any more
   */
  async truncate(entryNumber: bigint, wait: WaitOptions = {}): Promise<void> {
    wait.signal?.throwIfAborted();
    this.#checkUsable();
    this.#checkExists(entryNumber);
    const bytes = this.#encode({ kind: 'truncateFile', entryNumber });
    await abortable(this.#request('truncation', bytes, this.#entries, entryNumber, undefined), wait);
  }

  /**
   * Replaces a committed entry's data by data of the same length, on all servers.
   * @param type the entry's own, a u32: it cannot be changed, and no bookmark can
   * @param wait `signal` ends the wait alone: the update is on its way. One that is aborted already keeps it from that.
   * @throws {SourceError} `bad-entry` if there is no such entry, `refused` if it has another type or length, or why nothing
   *   can be written any more
   */
  async updateEntry(
    entryNumber: bigint,
    type: number,
    data: Uint8Array,
    wait: WaitOptions = {},
  ): Promise<void> {
    wait.signal?.throwIfAborted();
    this.#checkUsable();
    this.#checkExists(entryNumber);
    checkBytes('data', data);
    checkedEntry(() => {
      checkEntry(type, data);
    });
    const bytes = this.#encode({ kind: 'updateEntryData', entryNumber, entryType: type, data });
    await abortable(this.#request('update', bytes, this.#entries, this.#entries, undefined), wait);
  }

  /**
   * Identity and committed size of the stream, from a server.
   * @throws {SourceError} `closed`, `fenced`, `no-server`, or what has become of the server: `disconnected`, `timeout`
   */
  header(wait: WaitOptions = {}): Promise<Header> {
    return abortable(this.#group.header(), wait);
  }

  /**
   * Waits until all is acknowledged and connected servers have all of it, and ends the connections. Operations that are open
   * cannot be committed any more. Called again, it gives the same promise.
   * @throws {SourceError} why something that was committed could not be acknowledged: `fenced`, `no-server`, `outbox`, or
   *   `closed` if it was cut short by `abort`
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Ends the connections at once. What is not acknowledged rejects with `closed`, and may or may not be in the stream.
   * Nothing is left to be closed then: `close` resolves.
   */
  abort(): Promise<void> {
    const ended = this.#group.close();
    this.#closed ??= ended;
    return ended;
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
    return checkedEntry(() => encodeSourceMessage(message, this.#streamType));
  }
}

/** Does what the codec may refuse; its error becomes this package's. */
function checkedEntry<T>(act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw new SourceError('bad-entry', cause.message, { cause });
  }
}

function checkOutbox({ header }: Outbox, { systemId, streamType }: SourceSettings): void {
  if (header.systemId === systemId && header.streamType === streamType) return;
  const message = `the outbox is of system id ${header.systemId} and stream type ${header.streamType}`;
  throw new SourceError('bad-option', `${message}, not of ${systemId} and ${streamType}`);
}
