/** A source, message by message: sends what a test likes, and reads one answer after the other. */
import { expect } from 'vitest';
import {
  ANY_ENTRY,
  decodeHeader,
  encodeSourceMessage,
  readU32,
  type Header,
  type SourceMessage,
} from '@ds/codec';

import type { StreamServer } from '../../src/index.js';
import { Peer } from './peer.js';
import { sourceAddress } from './stream.js';

export const startAny: SourceMessage = { kind: 'startAtomicOp', expectedEntry: ANY_ENTRY };
export const commit: SourceMessage = { kind: 'commitAtomicOp' };
export const rollback: SourceMessage = { kind: 'rollbackAtomicOp' };
export const header: SourceMessage = { kind: 'header' };

export function openSource(
  overrides: Partial<Extract<SourceMessage, { kind: 'openSource' }>> = {},
): SourceMessage {
  return {
    kind: 'openSource',
    protocolVersion: 1n,
    systemId: 137n,
    epoch: 1n,
    token: new Uint8Array(0),
    ...overrides,
  };
}

export function entry(entryType: number, data: Uint8Array): SourceMessage {
  return { kind: 'addStreamEntry', entryType, data };
}

/** A result and, if it is OK, the header behind it. */
export interface Answer {
  readonly code: number;
  readonly text: string;
  readonly header?: Header;
}

export class TestSource {
  readonly peer: Peer;

  private constructor(peer: Peer) {
    this.peer = peer;
  }

  /** Connects, and says nothing. */
  static async connect(server: StreamServer): Promise<TestSource> {
    return new TestSource(await Peer.connect(sourceAddress(server)));
  }

  /** Connects and is let in. */
  static async open(server: StreamServer, epoch = 1n): Promise<TestSource> {
    const source = await TestSource.connect(server);
    source.send(openSource({ epoch }));
    expect(await source.answer()).toMatchObject({ code: 0 });
    return source;
  }

  send(...messages: readonly SourceMessage[]): void {
    this.peer.send(...messages.map((message) => encodeSourceMessage(message, 1n)));
  }

  /** The next answer. */
  async answer(): Promise<Answer> {
    const head = await this.peer.take(9);
    const text = Buffer.from(await this.peer.take(readU32(head, 1) - 9)).toString('latin1');
    const code = readU32(head, 5);
    return code === 0 ? { code, text, header: decodeHeader(await this.peer.take(38), 0) } : { code, text };
  }

  /** The last answer, behind which the server ends the connection. */
  async lastAnswer(): Promise<Answer> {
    const answer = await this.answer();
    expect(await this.peer.rest()).toHaveLength(0);
    expect(this.peer.ended).toBe(true);
    return answer;
  }
}
