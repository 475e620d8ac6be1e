/**
 * What the source has asked for, in order, encoded once for all servers, and kept until no server needs it any more.
 *
 * Requests are counted from 0 over the source's life. Each knows how many entries a stream has before it and after it, so
 * the number of entries that a server has tells how far it has come.
 */

/** Something that changes the stream: an atomic operation, a truncation or an update. */
export interface Request {
  readonly kind: 'operation' | 'truncation' | 'update';
  /** The messages, ready to be sent. */
  readonly bytes: Uint8Array;
  /** Entries in the stream before and after it. */
  readonly entriesBefore: bigint;
  readonly entriesAfter: bigint;
  /** Whether all servers must have it, whatever the quorum is. Nothing comes behind it until then. */
  readonly forAll?: boolean;
  resolve(): void;
  reject(error: Error): void;
}

export class RequestLog {
  /** Those at the front that are forgotten are taken out many at a time. */
  #requests: (Request | undefined)[] = [];
  #forgotten = 0;
  /** Number of the first request that is kept. */
  #first = 0;
  #bytes = 0;
  #entries: bigint;

  /** `entries`: how many the stream has before the first request. */
  constructor(entries: bigint) {
    this.#entries = entries;
  }

  /** Entries in the stream once all requests are done. */
  get entries(): bigint {
    return this.#entries;
  }

  /** Number of the first request that is kept, and of the one that comes next. */
  get first(): number {
    return this.#first;
  }

  get end(): number {
    return this.#first + this.#requests.length - this.#forgotten;
  }

  /** Bytes of the requests that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  push(request: Request): void {
    this.#requests.push(request);
    this.#bytes += request.bytes.length;
    this.#entries = request.entriesAfter;
  }

  at(number: number): Request | undefined {
    return number < this.#first ? undefined : this.#requests[number - this.#first + this.#forgotten];
  }

  /** Forgets the requests before `number`. */
  forgetBefore(number: number): void {
    const until = Math.min(number, this.end);
    for (; this.#first < until; this.#first++) {
      this.#bytes -= this.#requests[this.#forgotten]?.bytes.length ?? 0;
      this.#requests[this.#forgotten++] = undefined;
    }
    if (this.#forgotten < this.#requests.length / 2) return;
    this.#requests = this.#requests.slice(this.#forgotten);
    this.#forgotten = 0;
  }

  /** Entries in the stream before a request that is kept, or before the next one. */
  entriesBefore(number: number): bigint {
    return this.at(number)?.entriesBefore ?? this.#entries;
  }

  /**
   * The request that a server with so many entries needs next, `last` at most: the kept one with as many entries before
   * it that is nearest to `near`, the request that it was thought to need. Undefined if there is none.
   */
  find(entries: bigint, near: number, last: number): number | undefined {
    let found: number | undefined;
    for (let number = this.#first; number <= Math.min(last, this.end); number++) {
      if (this.entriesBefore(number) !== entries) continue;
      if (found === undefined || Math.abs(number - near) < Math.abs(found - near)) found = number;
    }
    return found;
  }
}
