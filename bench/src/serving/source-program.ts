// The source that is measured: `@ds/source` in a process of its own, or a bare one that sends the same bytes.
import { connect } from 'node:net';
import { OperationEncoder } from '@ds/codec';
import { StreamSource } from '@ds/source';
import { Corpus } from '../benchmark.js';
import { answerParent } from '../processes/parent.js';
import { identity } from './corpus.js';
import { FED_DATA_BYTES, FED_ENTRIES } from './operations.js';

const SEND_BYTES = 256 << 10;

/** Where to send how many operations. */
export interface Feeding {
  readonly port: number;
  readonly operations: number;
}

function bookmarkOf(operation: number): Uint8Array {
  const key = new Uint8Array(9);
  new DataView(key.buffer).setBigUint64(1, BigInt(operation));
  return key;
}

const answers = {
  /** Feeds a server; resolves with the milliseconds from the first operation to the last acknowledgement. */
  async feed({ port, operations }: Feeding): Promise<number> {
    const data = new Corpus(1).bytes(FED_DATA_BYTES);
    await using source = await StreamSource.open({
      servers: [{ host: '127.0.0.1', port }],
      systemId: identity.systemId,
    });
    const startMs = performance.now();
    let last: Promise<unknown> | undefined;
    for (let operation = 0; operation < operations; operation++) {
      const op = await source.startAtomicOp();
      op.addBookmark(bookmarkOf(operation));
      for (let entry = 0; entry < FED_ENTRIES; entry++) op.addEntry(1, data);
      last = op.commit();
    }
    await last;
    return performance.now() - startMs;
  },
  /** Sends as many bytes to whoever listens, and waits until they are taken. */
  async send({ port, operations }: Feeding): Promise<number> {
    const encoder = new OperationEncoder(identity.streamType);
    encoder.addBookmark(bookmarkOf(0));
    for (let entry = 0; entry < FED_ENTRIES; entry++) encoder.addEntry(1, new Uint8Array(FED_DATA_BYTES));
    let left = encoder.finish(0n).length * operations;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const buffer = Buffer.alloc(SEND_BYTES, 7);
    const startMs = performance.now();
    while (left > 0) {
      const part = buffer.subarray(0, Math.min(left, SEND_BYTES));
      left -= part.length;
      if (!socket.write(part)) await new Promise((resolve) => socket.once('drain', resolve));
    }
    socket.end();
    await new Promise((resolve) => socket.resume().once('close', resolve));
    return performance.now() - startMs;
  },
};

export type SourceProgram = typeof answers;
answerParent(answers);
