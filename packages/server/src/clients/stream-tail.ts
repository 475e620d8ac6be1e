/**
 * The end of the stream as clients know it. It moves in rounds: all clients are told, and sent, what was committed since
 * the last round, together.
 *
 * A write to a socket costs the same for one operation as for many, so what is committed while a round goes on, or while
 * the disk's and the sockets' news are taken in behind it, waits for the next one and is sent as one piece. With few clients
 * rounds are short, and follow each commit.
 */
import type { StreamFile } from '@ds/stream-file';

export class StreamTail {
  readonly #file: Pick<StreamFile, 'committedLength'>;
  readonly #tell: () => void;
  #announced: number;
  /** The next round is due, or has just been: it begins when all that has happened meanwhile was taken in. */
  #next: NodeJS.Immediate | undefined;
  #isBehind = false;

  /** @param tell tells all clients that more was announced */
  constructor(file: Pick<StreamFile, 'committedLength'>, tell: () => void) {
    this.#file = file;
    this.#tell = tell;
    this.#announced = file.committedLength;
  }

  /** Offset in the file up to which streams may be sent. */
  get announced(): number {
    return this.#announced;
  }

  /** The stream has grown. */
  committed(): void {
    if (this.#next) this.#isBehind = true;
    else this.#round();
  }

  /** The stream was cut at `length`. */
  truncated(length: number): void {
    this.#announced = Math.min(this.#announced, length);
  }

  /** Tells nobody any more. */
  close(): void {
    clearImmediate(this.#next);
  }

  #round(): void {
    this.#isBehind = false;
    this.#announced = this.#file.committedLength;
    this.#tell();
    this.#next = setImmediate(() => {
      this.#next = undefined;
      if (this.#isBehind) this.#round();
    });
  }
}
