/**
 * The client's side of a conversation, free of I/O: commands in, bytes out; bytes in, events out.
 *
 * What may come is known from the commands that were sent and the codec's table of the conversation; anything else is an
 * error. Streamed entries must go on, number by number, from where the stream was started.
 */
import {
  CodecError,
  conversation,
  encodeCommand,
  FrameDecoder,
  NOT_FOUND_ENTRY_TYPE,
  ResultCode,
  serverPackets,
  type ClientCommand,
  type ConversationState,
  type Entry,
  type EntryBatch,
  type Header,
  type Result,
  type ServerPacket,
  type Transition,
} from '@ds/codec';

import { ClientError } from '../errors.js';

/** What has come from the server. */
export type ClientEvent =
  /** A query's answer: the oldest one's that is not answered. */
  | { readonly kind: 'header'; readonly header: Header }
  | { readonly kind: 'entry'; readonly entry: Entry | undefined }
  /** The oldest command is refused, or the server ends the conversation by itself. */
  | {
      readonly kind: 'refused';
      readonly result: Result;
      /** Whether a command was refused. */
      readonly awaited: boolean;
      /** Whether the conversation goes on. */
      readonly goesOn: boolean;
    }
  | { readonly kind: 'authenticated' }
  | { readonly kind: 'started' }
  | { readonly kind: 'stopped' }
  /** Streamed entries. */
  | { readonly kind: 'batch'; readonly batch: EntryBatch };

interface Awaited {
  readonly command: ClientCommand;
  readonly transition: Transition;
  /** The OK has come, and what follows it has not. */
  confirmed: boolean;
}

export class ClientSession {
  readonly #streamType: bigint;
  readonly #decoder = new FrameDecoder(serverPackets);
  readonly #awaited: Awaited[] = [];
  /** The state as the server has confirmed it. */
  #state: ConversationState = 'stopped';
  /** The state once all that was sent is answered. */
  #sentState: ConversationState = 'stopped';
  /** Number of the next streamed entry; undefined until the first one behind a bookmark. */
  #nextEntry: bigint | undefined;

  constructor(streamType: bigint) {
    this.#streamType = streamType;
  }

  get state(): ConversationState {
    return this.#state;
  }

  /** Bytes that have come of a packet that is not whole. */
  get bufferedBytes(): number {
    return this.#decoder.bufferedBytes;
  }

  /**
   * The bytes of a command, whose answer is awaited from now on.
   * @throws {ClientError} `bad-option` if it has no place here, or cannot be encoded.
   */
  send(command: ClientCommand): Uint8Array {
    const transition = this.#sentState === 'closed' ? undefined : conversation[this.#sentState][command.kind];
    if (!transition || transition.answer === 'refused') {
      throw new ClientError(
        'bad-option',
        `the command ${command.kind} has no place while ${this.#sentState}`,
      );
    }
    let bytes: Uint8Array;
    try {
      bytes = encodeCommand(command, this.#streamType);
    } catch (cause) {
      if (!(cause instanceof CodecError)) throw cause;
      throw new ClientError('bad-option', cause.message, { cause });
    }
    this.#sentState = transition.next;
    this.#awaited.push({ command, transition, confirmed: false });
    return bytes;
  }

  /**
   * Adds bytes from the server. Call `next` until it gives nothing before adding more. Batches are views of these bytes,
   * anything else is not.
   */
  receive(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
  }

  /**
   * The next event; undefined when more bytes must come first.
   * @throws {ClientError} `protocol` or `sequence`. The session must not be used any more then.
   */
  next(): ClientEvent | undefined {
    for (;;) {
      const packet = this.#nextPacket();
      if (!packet) return undefined;
      const event = this.#eventOf(packet);
      if (event) return event;
    }
  }

  #nextPacket(): ServerPacket | undefined {
    try {
      return this.#decoder.next();
    } catch (cause) {
      if (!(cause instanceof CodecError)) throw cause;
      throw new ClientError(cause.code === 'sequence' ? 'sequence' : 'protocol', cause.message, { cause });
    }
  }

  #eventOf(packet: ServerPacket): ClientEvent | undefined {
    const awaited = this.#awaited[0];
    switch (packet.kind) {
      case 'result':
        return this.#take(packet, awaited);
      case 'entries':
        return this.#stream(packet.batch);
      case 'header':
        if (!awaited?.confirmed || awaited.transition.answer !== 'header') break;
        this.#awaited.shift();
        return { kind: 'header', header: packet.header };
      case 'answer':
        if (!awaited?.confirmed || awaited.transition.answer !== 'entry') break;
        this.#awaited.shift();
        return { kind: 'entry', entry: foundEntry(packet.entry, awaited.command) };
    }
    throw new ClientError('protocol', `the server sent ${packet.kind} that nobody has asked for`);
  }

  #take(result: Result, awaited: Awaited | undefined): ClientEvent | undefined {
    if (result.code !== ResultCode.ok) {
      this.#awaited.shift();
      const goesOn =
        awaited?.transition.refusal === result.code &&
        awaited.transition.next !== 'closed' &&
        !awaited.transition.closes &&
        !awaited.confirmed;
      // Whatever was sent behind a refused command is answered in the state that the refusal leaves.
      this.#sentState = goesOn ? this.#state : 'closed';
      return { kind: 'refused', result, awaited: awaited !== undefined, goesOn };
    }
    if (!awaited || awaited.confirmed) {
      throw new ClientError('protocol', 'the server sent a result that nobody has asked for');
    }
    this.#state = awaited.transition.next;
    switch (awaited.transition.answer) {
      case 'header':
      case 'entry':
        awaited.confirmed = true;
        return undefined;
      case 'stream':
        this.#awaited.shift();
        this.#nextEntry = awaited.command.kind === 'start' ? awaited.command.fromEntry : undefined;
        return { kind: 'started' };
      default:
        this.#awaited.shift();
        return { kind: awaited.command.kind === 'stop' ? 'stopped' : 'authenticated' };
    }
  }

  #stream(batch: EntryBatch): ClientEvent {
    if (this.#state !== 'streaming') {
      throw new ClientError(
        'protocol',
        `the server sent entry ${batch.firstEntry} while nothing was streaming`,
      );
    }
    if (this.#nextEntry !== undefined && batch.firstEntry !== this.#nextEntry) {
      throw new ClientError(
        'sequence',
        `the server sent entry ${batch.firstEntry} where entry ${this.#nextEntry} was due`,
      );
    }
    this.#nextEntry = batch.firstEntry + BigInt(batch.count);
    return { kind: 'batch', batch };
  }
}

/**
 * The entry that answers a query; undefined where it says that there is none.
 * @throws {ClientError} `protocol` if it is another one than was asked for.
 */
function foundEntry(entry: Entry, command: ClientCommand): Entry | undefined {
  if (entry.type === NOT_FOUND_ENTRY_TYPE) return undefined;
  if (command.kind === 'entry' && entry.number !== command.entryNumber) {
    throw new ClientError(
      'protocol',
      `the server answered with entry ${entry.number} when entry ${command.entryNumber} was asked for`,
    );
  }
  return { ...entry, data: entry.data.slice() };
}
