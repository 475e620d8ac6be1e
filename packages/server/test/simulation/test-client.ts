// One connection of a client in a history: sends commands, takes what comes apart, and holds every byte of it against the
// truth. What is wrong is thrown where it comes, and ends the history.
import {
  encodeCommand,
  NOT_FOUND_ENTRY_TYPE,
  readU32,
  readU64AsNumber,
  ResultCode,
  type ClientCommand,
} from '@ds/codec';
import type { SimulatedSocket } from '@ds/test-kit';

import { same, StreamCheck, type State, type StreamTruth } from './stream-truth.js';

interface Awaited {
  readonly command: ClientCommand;
  /** Index of the state of the stream when it was sent. */
  readonly sentAt: number;
  /** Whether a truncation was under way then. */
  readonly cutting: boolean;
  /** Bytes that this client had sent with the command's last. */
  readonly sentBytes: number;
  /** Whether the server had nothing else to do when it was sent, so that it must be obeyed when it is read. */
  readonly alone: boolean;
  /** Bytes that the server had written when it had taken the command. */
  serverWrote?: number;
  confirmed: boolean;
}

/** Results that may end a connection at any time, as faults of the disk, time limits or the end of the server bring them. */
const endings: readonly number[] = [
  ResultCode.readFailed,
  ResultCode.shuttingDown,
  ResultCode.deadlineExceeded,
  ResultCode.serverFull,
];

export class TestClient {
  readonly socket: SimulatedSocket;
  /** Error number that has ended the conversation. */
  endedWith: number | undefined;
  readonly #truth: StreamTruth;
  readonly #awaited: Awaited[] = [];
  #received = Buffer.alloc(0);
  /** Bytes that have come and are taken apart. */
  #takenBytes = 0;
  #sentBytes = 0;
  #stream: StreamCheck | undefined;
  #ended = false;
  /** The bookmark that the stream was started from, until its first entry has come. */
  #startedAt: Awaited | undefined;
  #wake: (() => void)[] = [];

  constructor(socket: SimulatedSocket, truth: StreamTruth, fail: (error: Error) => void) {
    this.socket = socket;
    this.#truth = truth;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      try {
        this.#takeAll();
      } catch (error) {
        fail(error as Error);
      }
      this.#change();
    });
    socket.on('connect', () => {
      this.#watchServer(socket.link.server);
      this.#change();
    });
    const over = (): void => {
      this.#ended = true;
      this.#change();
    };
    socket.on('end', over).on('close', over).on('error', over);
  }

  /** Whether the server has ended the connection, or it is gone. */
  get ended(): boolean {
    return this.#ended || this.socket.destroyed;
  }

  get streaming(): StreamCheck | undefined {
    return this.#stream;
  }

  get isAnswered(): boolean {
    return this.#awaited.length === 0;
  }

  send(command: ClientCommand): void {
    const bytes = encodeCommand(command, 1n);
    this.#sentBytes += bytes.length;
    this.#awaited.push({
      command,
      sentAt: this.#truth.states.length - 1,
      cutting: this.#truth.cutsUnderWay > 0,
      alone: this.isAnswered,
      sentBytes: this.#sentBytes,
      confirmed: false,
    });
    this.socket.write(bytes);
  }

  /** Notes how much the server had written when it had worked on a command. Its own listener comes first. */
  #watchServer(server: SimulatedSocket): void {
    let readBytes = 0;
    server.on('data', (chunk: Uint8Array) => {
      readBytes += chunk.length;
      for (const awaited of this.#awaited) {
        if (awaited.sentBytes <= readBytes) awaited.serverWrote ??= server.bytesWritten;
      }
    });
  }

  /** Resolves with whether the connection was made. */
  async connected(): Promise<boolean> {
    await this.until(() => !this.socket.connecting);
    return !this.ended;
  }

  /** Resolves when a condition holds, the connection has ended or a time has passed; with whether the condition holds. */
  async until(condition: () => boolean, limitMs?: number): Promise<boolean> {
    const state = { isOver: false };
    const timer =
      limitMs === undefined
        ? undefined
        : setTimeout(() => {
            state.isOver = true;
            this.#change();
          }, limitMs);
    while (!condition() && !this.ended && !state.isOver) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    clearTimeout(timer);
    return condition();
  }

  #change(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  #takeAll(): void {
    for (;;) {
      const packet = this.#received;
      if (packet.length < 5) return;
      const length = readU32(packet, 1);
      if (packet.length < length) return;
      this.#received = packet.subarray(length);
      this.#takenBytes += length;
      this.#take(packet.subarray(0, length));
    }
  }

  #take(packet: Uint8Array): void {
    switch (packet[0]) {
      case 0xff:
        this.#takeResult(packet);
        return;
      case 0x02:
        if (!this.#stream) throw new Error('an entry came on a connection that is not streaming');
        this.#stream.take(packet);
        this.#checkBookmark(packet);
        return;
      case 0x01:
      case 0xfe:
        this.#takeAnswer(packet);
        return;
      default:
        throw new Error(`a packet of type ${packet[0]} came`);
    }
  }

  #takeResult(packet: Uint8Array): void {
    const code = readU32(packet, 5);
    const awaited = this.#awaited[0];
    if (code !== ResultCode.ok) {
      this.#checkRefusal(code, awaited);
      return;
    }
    if (!awaited || awaited.confirmed) throw new Error('an OK came that nothing was asked for');
    switch (awaited.command.kind) {
      case 'start': {
        const from = Number(awaited.command.fromEntry);
        if (!this.#since(awaited).some(({ entries }) => from <= entries)) {
          throw new Error(`a Start from entry ${from} was accepted, beyond the stream's end`);
        }
        this.#startedAt = undefined;
        this.#stream = new StreamCheck(this.#truth, from, this.#truth.states[awaited.sentAt]!);
        break;
      }
      case 'startBookmark':
        this.#startedAt = awaited;
        this.#stream = new StreamCheck(this.#truth, undefined, this.#truth.states[awaited.sentAt]!);
        break;
      case 'stop':
        if (!this.#stream) throw new Error('a Stop was accepted where nothing was streaming');
        if (awaited.alone && awaited.serverWrote !== undefined && this.#takenBytes > awaited.serverWrote) {
          throw new Error(`${this.#takenBytes - awaited.serverWrote} bytes were sent after a Stop was read`);
        }
        this.#stream = undefined;
        break;
      default:
        awaited.confirmed = true;
        return;
    }
    this.#awaited.shift();
  }

  #checkRefusal(code: number, awaited: Awaited | undefined): void {
    this.#awaited.shift();
    if (endings.includes(code)) {
      this.endedWith = code;
      return;
    }
    const kind = awaited?.command.kind;
    if (awaited && code === ResultCode.badFromEntry && awaited.command.kind === 'start') {
      const from = Number(awaited.command.fromEntry);
      if (this.#since(awaited).some(({ entries }) => from > entries)) return;
    } else if (awaited && code === ResultCode.badFromBookmark && awaited.command.kind === 'startBookmark') {
      const key = awaited.command.bookmark;
      if (this.#since(awaited).some((state) => lastBookmark(state, key) === undefined)) return;
      if (this.#hasShrunk(awaited)) return;
    } else if (
      (code === ResultCode.alreadyStarted && this.#stream && kind !== 'stop') ||
      (code === ResultCode.alreadyStopped && !this.#stream && kind === 'stop')
    ) {
      this.endedWith = code;
      this.#stream = undefined;
      return;
    }
    throw new Error(`${kind ?? 'nothing'} was refused with ${code}`);
  }

  #takeAnswer(packet: Uint8Array): void {
    const awaited = this.#awaited.shift();
    if (!awaited?.confirmed) throw new Error('an answer came that nothing was asked for');
    const { command } = awaited;
    const states = this.#since(awaited);
    const isRight = (state: State): boolean => {
      switch (command.kind) {
        case 'header':
          return (
            readU64AsNumber(packet, 22) === state.length && readU64AsNumber(packet, 30) === state.entries
          );
        case 'entry':
          return isAnswer(packet, state, Number(command.entryNumber));
        case 'bookmark':
          return isAnswer(packet, state, firstEvent(state, command.bookmark));
        default:
          return false;
      }
    };
    if (states.some(isRight)) return;
    // While a truncation is under way, bookmarks of what was cut off are pointed to older entries one after the other.
    if (command.kind === 'bookmark' && this.#hasShrunk(awaited)) return;
    throw new Error(`the answer to ${command.kind} is that of no state of the stream in that time`);
  }

  #checkBookmark(entry: Uint8Array): void {
    const started = this.#startedAt;
    if (started?.command.kind !== 'startBookmark') return;
    this.#startedAt = undefined;
    const key = started.command.bookmark;
    const number = readU64AsNumber(entry, 9);
    const isRight = this.#since(started).some((state) => lastBookmark(state, key) === number);
    if (!isRight && !this.#hasShrunk(started))
      throw new Error(`a bookmark started the stream at entry ${number}`);
  }

  #since({ sentAt }: Awaited): readonly State[] {
    return this.#truth.since(sentAt);
  }

  /** Whether the stream was being cut when the command was sent, or has been since. */
  #hasShrunk(awaited: Awaited): boolean {
    const states = this.#since(awaited);
    const wasCut = states.some(({ version }) => version !== states[0]?.version);
    return awaited.cutting || this.#truth.cutsUnderWay > 0 || wasCut;
  }
}

/** Number of the newest entry with a bookmark. */
function lastBookmark({ version, entries }: State, key: Uint8Array): number | undefined {
  for (let number = entries - 1; number >= 0; number--) {
    const entry = version.entries[number]!;
    if (readU32(entry, 5) === 0xb0 && same(entry.subarray(17), key)) return number;
  }
  return undefined;
}

/** Number of the first entry at or behind a bookmark that is none. */
function firstEvent(state: State, key: Uint8Array): number | undefined {
  let number = lastBookmark(state, key);
  while (number !== undefined && number < state.entries) {
    if (readU32(state.version.entries[number]!, 5) !== 0xb0) return number;
    number++;
  }
  return undefined;
}

function isAnswer(packet: Uint8Array, { version, entries }: State, number: number | undefined): boolean {
  const entry = number !== undefined && number < entries ? version.entries[number] : undefined;
  if (!entry) return packet.length === 17 && readU32(packet, 5) === NOT_FOUND_ENTRY_TYPE;
  return same(packet.subarray(1), entry.subarray(1));
}
