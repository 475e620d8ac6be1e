/** Compares tokens so that the time taken says nothing about the one that is expected, not even its length. */
import { createHash, timingSafeEqual } from 'node:crypto';

export function sameToken(expected: Uint8Array, given: Uint8Array): boolean {
  return timingSafeEqual(digest(expected), digest(given));
}

function digest(token: Uint8Array): Buffer {
  return createHash('sha256').update(token).digest();
}
