/** Holds what the client got against what the source was to send, which was worked out without any server. */

import { createHash } from 'node:crypto';
import { equalBytes } from '@ds/codec';
import type { Blocks } from './blocks.js';
import type { ReceivedStream } from './received-stream.js';

export interface Checked {
  readonly byteCount: number;
  readonly sha256: string;
  readonly transactionCount: number;
}

/** Throws unless both are the same to the byte, and each transaction hashes to the hash that its block gives. */
export function checkReceived(received: ReceivedStream, blocks: Blocks): Checked {
  const bytes = received.bytes();
  if (!equalBytes(bytes, blocks.stream)) {
    throw new Error(
      `what the client got is not what the source sent: ${bytes.length} bytes with SHA-256 ${sha256(bytes)}, ` +
        `not ${blocks.stream.length} with ${sha256(blocks.stream)}`,
    );
  }
  const hashes = received.transactionHashes;
  const wrong = blocks.transactionHashes.findIndex((hash, index) => hash !== hashes[index]);
  if (wrong >= 0 || hashes.length !== blocks.transactionHashes.length) {
    throw new Error(`transaction ${wrong} of ${hashes.length} does not hash to its own hash`);
  }
  return { byteCount: bytes.length, sha256: sha256(bytes), transactionCount: hashes.length };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
