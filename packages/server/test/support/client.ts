/** What tests of clients do again and again: start and stop a stream, fill one, wait for the server. */
import { expect } from 'vitest';
import { encodeCommand, encodeResult, result, ResultCode, type ClientCommand, type Entry } from '@ds/codec';
import type { StreamFile } from '@ds/stream-file';

import type { StreamServer } from '../../src/index.js';
import { hex, Peer } from './peer.js';
import { commit, numbered } from './stream.js';

/** The result that says yes. */
export const OK = encodeResult(result(ResultCode.ok));
export const MIB = 1 << 20;

/** A command for the golden stream's type. */
export function command(each: ClientCommand): Uint8Array {
  return encodeCommand(each, 1n);
}

/** Connects and starts; the result that comes first is taken and expected to be OK. */
export async function start(server: StreamServer, from: bigint | Uint8Array): Promise<Peer> {
  const peer = await Peer.connect(server.clientAddress);
  peer.send(
    command(
      typeof from === 'bigint'
        ? { kind: 'start', fromEntry: from }
        : { kind: 'startBookmark', bookmark: from },
    ),
  );
  expect(hex(await peer.take(OK.length))).toBe(hex(OK));
  return peer;
}

/** Stops a stream; nothing of it has been left in between. */
export async function expectStop(peer: Peer): Promise<void> {
  peer.send(command({ kind: 'stop' }));
  expect(hex(await peer.take(OK.length))).toBe(hex(OK));
}

/** Resolves when the server has done all that it was to do for other peers before. */
export async function settled(server: StreamServer): Promise<void> {
  const peer = await Peer.connect(server.clientAddress);
  for (let round = 0; round < 3; round++) {
    peer.send(command({ kind: 'entry', entryNumber: 0n }));
    const entry = await server.getEntry(0n);
    await peer.take(OK.length + 17 + (entry?.data.length ?? 0));
  }
  peer.socket.destroy();
}

/** So many MiB in entries of 512 KiB, one operation each. */
export async function fill(file: StreamFile, mib: number): Promise<Entry[]> {
  const entries = numbered(
    0n,
    Array.from({ length: mib * 2 }, (_none, at) => ({ type: 1, data: Buffer.alloc(MIB / 2 - 17, at + 1) })),
  );
  for (const entry of entries) await commit(file, [entry]);
  return entries;
}
