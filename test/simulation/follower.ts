/**
 * A client that follows a stream as the published protocol has it. When it is cut off it starts again one entry early, so
 * that it sees whether the stream is the one that it was, and gives up what has gone.
 */
import { encodeCommand, FrameDecoder, ResultCode, serverPackets, type ServerPacket } from '@ds/codec';
import type { SimulatedSocket } from '@ds/test-kit';

import { RelayMachine } from './relay-machine.js';
import type { ServerMachine } from './server-machine.js';
import { entriesIn, StreamCopy } from './stream-copy.js';
import type { EntryNode } from './stream-tree.js';
import type { World } from './world.js';

/** What one connection has come to. */
interface Conversation {
  readonly packets: FrameDecoder<ServerPacket>;
  /** The entry that must come first: the last one that was had. */
  overlap: EntryNode | undefined;
}

export class Follower {
  readonly #world: World;
  readonly #from: ServerMachine | RelayMachine;
  readonly #received: StreamCopy;
  #socket: SimulatedSocket | undefined;

  constructor(world: World, from: ServerMachine | RelayMachine) {
    this.#world = world;
    this.#from = from;
    this.#received = new StreamCopy(world.check.tree.root);
    this.#connect();
  }

  get isDone(): boolean {
    return this.#received.last === this.#world.check.end;
  }

  close(): void {
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = this.#world.network.connect(this.#from.clients, '10.0.9.9').setKeepAlive(true, 5_000);
    this.#socket = socket;
    const { last, length } = this.#received;
    const overlap = length > 0 ? last : undefined;
    const conversation: Conversation = { packets: new FrameDecoder(serverPackets), overlap };
    // An attempt that is never answered, or to start where nothing comes any more.
    const giveUp = setTimeout(() => socket.destroy(), 3_000);
    socket.once('connect', () => {
      socket.write(encodeCommand({ kind: 'header' }, 1n));
      socket.write(encodeCommand({ kind: 'start', fromEntry: BigInt(overlap?.number ?? 0) }, 1n));
    });
    socket.on('data', (chunk: Uint8Array) => {
      conversation.packets.push(chunk);
      try {
        const { packets } = conversation;
        for (let packet = packets.next(); packet && !socket.destroyed; packet = packets.next()) {
          if (!this.#take(packet, conversation)) socket.destroy();
        }
        if (!conversation.overlap) clearTimeout(giveUp);
      } catch (error) {
        this.#world.check.failed(error);
      }
    });
    socket.on('error', () => undefined);
    socket.on('end', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(giveUp);
      if (this.#world.isOver) return;
      setTimeout(() => {
        this.#connect();
      }, 100);
    });
  }

  /** Whether to go on with this connection. */
  #take(packet: ServerPacket, conversation: Conversation): boolean {
    const received = this.#received;
    switch (packet.kind) {
      case 'header': {
        const entries = Number(packet.header.totalEntries);
        if (entries >= received.length) return true;
        this.#stepBack(entries);
        return false;
      }
      case 'result':
        if (packet.code !== ResultCode.badFromEntry) return true;
        this.#stepBack(received.length - 1);
        return false;
      case 'entries':
        for (const bytes of entriesIn(packet.batch.bytes)) {
          const { overlap } = conversation;
          conversation.overlap = undefined;
          if (!overlap) this.#world.check.received(received.take(bytes));
          else if (Buffer.compare(received.lastBytes, bytes) !== 0) {
            this.#stepBack(received.length - 1 - this.#world.random.integer(0, 3));
            return false;
          }
        }
        return true;
      default:
        throw new Error(`a client got a ${packet.kind}`);
    }
  }

  #stepBack(entries: number): void {
    const { check } = this.#world;
    const mayLoseAll = this.#from instanceof RelayMachine && (this.#from.hasStartedAnew || check.hasForked);
    check.toldOfCut(this.#received, this.#received.hasUpdates, mayLoseAll);
    this.#received.cutTo(Math.max(0, entries));
  }
}
