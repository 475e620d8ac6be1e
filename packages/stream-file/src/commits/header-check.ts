/** What can be told of a header page beyond what a reader needs of it: parts that are not as they were written. */
import { asciiText, readU64AsNumber } from '@ds/codec';

import { readSlot, SLOT_BYTES, STAMP_AT, STAMP_MAGIC, type HeaderPageState } from './header-page.js';

/**
 * Whether the header entry is what its stamp was made for, or what another program wrote. That program changes size and
 * count when it commits; if they are those of the last commit, it has written the same bytes, or somebody wrong ones.
 */
export function stampedIdentityFits(page: HeaderPageState, bytes: Uint8Array): boolean {
  const newest = page.commits[0];
  if (page.ours || !newest) return true;
  const isStamped = asciiText(bytes.subarray(STAMP_AT, STAMP_AT + STAMP_MAGIC.length)) === STAMP_MAGIC;
  const isOfNewest = readU64AsNumber(bytes, STAMP_AT + 4) === newest.sequence;
  const { length, entries } = page.extent;
  return !(isStamped && isOfNewest && length === newest.end.length && entries === newest.end.entries);
}

/** Offsets of slots that hold something, but no commit. */
export function damagedSlots(bytes: Uint8Array): number[] {
  const damaged: number[] = [];
  for (let at = SLOT_BYTES; at < bytes.length; at += SLOT_BYTES) {
    const slot = bytes.subarray(at, at + SLOT_BYTES);
    if (slot.some((byte) => byte !== 0) && !readSlot(slot)) damaged.push(at);
  }
  return damaged;
}
