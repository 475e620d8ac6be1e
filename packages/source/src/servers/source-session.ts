/**
 * The source's side of a conversation with a server, free of I/O: answers' bytes in, outcomes out.
 *
 * Every message that is answered has one outcome, in order: OK with the committed header, or a refusal.
 */
import {
  CodecError,
  FrameDecoder,
  ResultCode,
  sourceAnswers,
  type Header,
  type Result,
  type SourceAnswer,
} from '@ds/codec';

import { SourceError } from '../errors.js';

/** How a message has ended. */
export type Outcome =
  { readonly kind: 'ok'; readonly header: Header } | { readonly kind: 'refused'; readonly result: Result };

export class SourceSession {
  readonly #decoder = new FrameDecoder(sourceAnswers);
  /** An OK has come, and its header has not. */
  #confirmed = false;

  /** Adds bytes from the server. Call `next` until it gives nothing before adding more. */
  receive(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
  }

  /**
   * The next outcome; undefined when more bytes must come first.
   * @throws {SourceError} `protocol`. The session must not be used any more then.
   */
  next(): Outcome | undefined {
    for (;;) {
      const answer = this.#nextAnswer();
      if (!answer) return undefined;
      if ((answer.kind === 'header') !== this.#confirmed) {
        throw new SourceError('protocol', `the server sent a ${answer.kind} where another answer was due`);
      }
      if (answer.kind === 'header') {
        this.#confirmed = false;
        return { kind: 'ok', header: answer.header };
      }
      if (answer.code !== ResultCode.ok) return { kind: 'refused', result: answer };
      this.#confirmed = true;
    }
  }

  #nextAnswer(): SourceAnswer | undefined {
    try {
      return this.#decoder.next();
    } catch (cause) {
      if (!(cause instanceof CodecError)) throw cause;
      throw new SourceError('protocol', cause.message, { cause });
    }
  }
}
