/** A server that says what a test tells it to, and not what a server should. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

import { onTestFinished } from 'vitest';
import {
  encodeHeader,
  encodeResult,
  FrameDecoder,
  result,
  ResultCode,
  sourceMessages,
  type SourceMessage,
} from '@ds/codec';

import { identity } from './test-server.js';

export interface Script {
  /** A source has connected. */
  connected?(socket: Socket): void;
  /** A message has come. */
  message?(message: SourceMessage, socket: Socket): void;
}

/** Starts it; returns its address. It goes with the test. */
export async function scriptedServer(script: Script): Promise<string> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    script.connected?.(socket);
    const decoder = new FrameDecoder(sourceMessages(identity.streamType));
    if (!script.message) return;
    socket.on('data', (chunk) => {
      decoder.push(chunk);
      for (let message = decoder.next(); message; message = decoder.next()) script.message?.(message, socket);
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  return `127.0.0.1:${(listener.address() as AddressInfo).port}`;
}

/** OK and a header with so many entries of one byte each. */
export function okAnswer(totalEntries: bigint, totalLength = 4096n + totalEntries * 18n): Uint8Array {
  const header = encodeHeader({ ...identity, totalEntries, totalLength });
  return Buffer.concat([encodeResult(result(ResultCode.ok)), header]);
}

/** A refusal with a text. */
export function refusal(code: number, text?: string): Uint8Array {
  return encodeResult(result(code, text));
}
