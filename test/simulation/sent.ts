/** What a source has sent on a connection, for when it arrives once more. */
import { encodeSourceMessage, FrameDecoder, sourceMessages, type SourceMessage } from '@ds/codec';
import type { Link } from '@ds/test-kit';

const STREAM_TYPE = 1n;

export class Sent {
  readonly link: Link;
  /** The epoch that it was opened with; undefined if that was not sent. */
  readonly epoch: bigint | undefined;
  readonly #messages: SourceMessage[] = [];

  constructor(link: Link) {
    this.link = link;
    const decoder = new FrameDecoder(sourceMessages(STREAM_TYPE));
    decoder.push(link.sent);
    for (let message = decoder.next(); message; message = decoder.next()) this.#messages.push(message);
    const [opening] = this.#messages;
    this.epoch = opening?.kind === 'openSource' ? opening.epoch : undefined;
  }

  /** The opening, and all from the first message on that a stream with so many entries would take; undefined if there is none. */
  fittingTo(entries: bigint): Uint8Array | undefined {
    const [opening] = this.#messages;
    const first = this.#messages.findIndex((message) => fits(message, entries));
    if (!opening || first < 0) return undefined;
    const messages = [opening, ...this.#messages.slice(first)];
    return Buffer.concat(messages.map((message) => encodeSourceMessage(message, STREAM_TYPE)));
  }
}

function fits(message: SourceMessage, entries: bigint): boolean {
  switch (message.kind) {
    case 'startAtomicOp':
      return message.expectedEntry === entries;
    case 'truncateFile':
    case 'updateEntryData':
      return message.entryNumber < entries;
    default:
      return false;
  }
}
