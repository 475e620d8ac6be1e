/**
 * Incremental framing, free of I/O: chunks of any size in, frames out.
 *
 * A frame that lies within one chunk is decoded where it stands. Only a frame that is cut by a chunk's end is
 * copied, into a buffer that grows with what has really arrived, so a peer cannot make it grow by declaring a length.
 */

/** How the frames of one direction of one protocol are told apart. */
export interface Grammar<Frame> {
  /**
   * Bytes of the frame at `at`, or 0 while `bytes[at..end)` is too short to tell.
   * @throws {CodecError} as soon as the bytes cannot become a frame.
   */
  measure(bytes: Uint8Array, at: number, end: number): number;
  /** The frame at `at`, whose `length` bytes `measure` has accepted. May keep views into `bytes`. */
  decode(bytes: Uint8Array, at: number, length: number, end: number): Frame;
  /** How many bytes a frame is made of, if `decode` has put more into it than was measured: complete frames behind it. */
  extent?(frame: Frame): number | undefined;
}

const FIRST_CAPACITY = 256;
const NOTHING = new Uint8Array(0);

/** Turns chunks into frames of one grammar. After an error it must not be used any more. */
export class FrameDecoder<Frame> {
  readonly #grammar: Grammar<Frame>;
  #chunk: Uint8Array = NOTHING;
  #at = 0;
  /** Start of a frame that a chunk's end has cut; empty when there is none. */
  #cut: Uint8Array = NOTHING;
  #cutLength = 0;

  constructor(grammar: Grammar<Frame>) {
    this.#grammar = grammar;
  }

  /** Bytes that were pushed and are not yet part of a frame. */
  get bufferedBytes(): number {
    return this.#cutLength + this.#chunk.length - this.#at;
  }

  /** Adds bytes. The decoder and the frames keep views into the chunk: it must not be written to afterwards. */
  push(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length) {
      const rest = this.#chunk.subarray(this.#at);
      const joined = new Uint8Array(rest.length + chunk.length);
      joined.set(rest);
      joined.set(chunk, rest.length);
      this.#chunk = joined;
    } else {
      this.#chunk = chunk;
    }
    this.#at = 0;
  }

  /**
   * The next frame, or undefined until more bytes are pushed.
   * @throws {CodecError} when the bytes break the grammar.
   */
  next(): Frame | undefined {
    if (this.#cutLength > 0) return this.#completeCut();
    const chunk = this.#chunk;
    const at = this.#at;
    if (at === chunk.length) {
      this.#letGo();
      return undefined;
    }
    const length = this.#grammar.measure(chunk, at, chunk.length);
    if (length === 0 || at + length > chunk.length) {
      this.#append(chunk.length - at, length);
      this.#letGo();
      return undefined;
    }
    const frame = this.#grammar.decode(chunk, at, length, chunk.length);
    this.#at = at + (this.#grammar.extent?.(frame) ?? length);
    return frame;
  }

  #completeCut(): Frame | undefined {
    for (;;) {
      const length = this.#grammar.measure(this.#cut, 0, this.#cutLength);
      if (length !== 0 && length <= this.#cutLength) {
        const frame = this.#grammar.decode(this.#cut, 0, length, length);
        this.#cut = NOTHING;
        this.#cutLength = 0;
        return frame;
      }
      const available = this.#chunk.length - this.#at;
      if (available === 0) {
        this.#letGo();
        return undefined;
      }
      // Until the length is known, byte by byte: never a byte of the next frame.
      this.#append(length === 0 ? 1 : Math.min(length - this.#cutLength, available), length);
    }
  }

  /** A chunk of which nothing is left is not kept until the next one comes: peers can be quiet for long, and many. */
  #letGo(): void {
    this.#chunk = NOTHING;
    this.#at = 0;
  }

  /** Moves `count` bytes from the chunk to the cut frame, which will have `length` bytes in the end (0: not known yet). */
  #append(count: number, length: number): void {
    const needed = this.#cutLength + count;
    if (needed > this.#cut.length) {
      let capacity = Math.max(FIRST_CAPACITY, needed, this.#cut.length * 2);
      if (length !== 0) capacity = Math.max(needed, Math.min(capacity, length));
      const grown = new Uint8Array(capacity);
      grown.set(this.#cut.subarray(0, this.#cutLength));
      this.#cut = grown;
    }
    this.#cut.set(this.#chunk.subarray(this.#at, this.#at + count), this.#cutLength);
    this.#cutLength = needed;
    this.#at += count;
  }
}
