/** What the client has received: its bytes, and what they hold. */

import { keccak_256 } from '@noble/hashes/sha3.js';
import { FrameDecoder, serverPackets } from '@ds/codec';
import { decodePayload, EntryType } from '@ds/zkevm';

export class ReceivedStream {
  readonly #decoder = new FrameDecoder(serverPackets);
  readonly #parts: Uint8Array[] = [];
  readonly #transactionHashes: string[] = [];
  #entries = 0;
  #blocks = 0;
  #byteCount = 0;

  get entries(): number {
    return this.#entries;
  }

  get blocks(): number {
    return this.#blocks;
  }

  get transactions(): number {
    return this.#transactionHashes.length;
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  /** Keccak-256 of each transaction's bytes, in order. */
  get transactionHashes(): readonly string[] {
    return this.#transactionHashes;
  }

  /** All bytes so far. */
  bytes(): Uint8Array {
    return Buffer.concat(this.#parts);
  }

  add(chunk: Uint8Array): void {
    this.#parts.push(chunk);
    this.#byteCount += chunk.length;
    this.#decoder.push(chunk);
    for (let packet = this.#decoder.next(); packet; packet = this.#decoder.next()) {
      if (packet.kind !== 'entries') throw new Error(`the client passed on a ${packet.kind}, not entries`);
      for (const entry of packet.batch) {
        this.#entries++;
        if (entry.type === EntryType.l2BlockEnd) this.#blocks++;
        if (entry.type !== EntryType.transaction) continue;
        const payload = decodePayload(entry.type, entry.data);
        if (payload.kind === 'transaction') this.#transactionHashes.push(hex(keccak_256(payload.encoded)));
      }
    }
  }
}

function hex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}
