/** An upstream that says what a test wants it to. What the test does not care about is answered as a server does. */
import { createServer, type AddressInfo, type Socket } from 'node:net';

import { onTestFinished } from 'vitest';
import {
  ANSWER_PACKET,
  clientCommands,
  encodeEntry,
  encodeHeader,
  encodeNotFound,
  encodeResult,
  FrameDecoder,
  result,
  ResultCode,
  type ClientCommand,
} from '@ds/codec';

import { host, identity } from './stream.js';

export const OK = encodeResult(result(ResultCode.ok));

/** What to send for a command; undefined leaves the answer to the fake. */
export type Answer = (command: ClientCommand, socket: Socket) => Uint8Array | undefined;

/** An entry as it stands on the wire: entry `number` has type 1 and its number as data. */
export function wireEntry(number: bigint): Uint8Array {
  return encodeEntry({ type: 1, number, data: Buffer.from(`entry ${number}`) });
}

/** Starts one with `entries` entries. Gives its address, and how many connections it has had. */
export async function fakeUpstream(
  entries: bigint,
  answer: Answer,
): Promise<{ address: string; connections: () => number }> {
  const sockets: Socket[] = [];
  const listener = createServer((socket) => {
    sockets.push(socket);
    const decoder = new FrameDecoder(clientCommands(identity.streamType));
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      decoder.push(chunk);
      for (let command = decoder.next(); command; command = decoder.next()) {
        const bytes = answer(command, socket) ?? honestAnswer(command, entries);
        if (!socket.destroyed) socket.write(bytes);
      }
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, host, resolve));
  onTestFinished(async () => {
    const closed = new Promise((resolve) => listener.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  const { port } = listener.address() as AddressInfo;
  return { address: `${host}:${port}`, connections: () => sockets.length };
}

function honestAnswer(command: ClientCommand, entries: bigint): Uint8Array {
  switch (command.kind) {
    case 'header':
      return Buffer.concat([
        OK,
        encodeHeader({ ...identity, totalLength: 4096n + entries * 24n, totalEntries: entries }),
      ]);
    case 'entry': {
      if (command.entryNumber >= entries) return Buffer.concat([OK, encodeNotFound()]);
      const entry = wireEntry(command.entryNumber);
      entry[0] = ANSWER_PACKET;
      return Buffer.concat([OK, entry]);
    }
    case 'start': {
      const sent = [];
      for (let number = command.fromEntry; number < entries; number++) sent.push(wireEntry(number));
      return Buffer.concat([OK, ...sent]);
    }
    default:
      return OK;
  }
}
