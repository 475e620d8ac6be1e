/**
 * Runs of AddStreamEntry and AddStreamBookmark messages: most of what a source sends. They are found in one pass and taken
 * over together, so that no object is made for a message.
 */
import { readU32 } from './bytes.js';
import { COMMAND_HEAD_BYTES } from './client-commands.js';
import { BOOKMARK_BYTES_MAX, ENTRY_DATA_BYTES_MAX } from './data-entry.js';
import type { Grammar } from './frame-decoder.js';
import {
  ADD_STREAM_BOOKMARK,
  ADD_STREAM_ENTRY,
  sourceMessages,
  type SourceMessage,
} from './source-messages.js';

const ENTRY_BYTES = COMMAND_HEAD_BYTES + 8;
const BOOKMARK_BYTES = COMMAND_HEAD_BYTES + 4;

/** One or more messages that add an entry or a bookmark, back to back as they came. */
export interface SourceAdditions {
  readonly kind: 'additions';
  readonly bytes: Uint8Array;
}

/** A message that adds nothing, or additions that came together. */
export type SourceMessageRun =
  Exclude<SourceMessage, { readonly kind: 'addStreamEntry' | 'addStreamBookmark' }> | SourceAdditions;

/** Takes what messages add: an entry's data or a bookmark's key stands in `bytes[from..to)`. No view is made for it. */
export interface AdditionsTaker {
  takeEntry(type: number, bytes: Uint8Array, from: number, to: number): void;
  takeBookmark(bytes: Uint8Array, from: number, to: number): void;
}

/** As `sourceMessages`, with additions that came together in one. */
export function sourceMessageRuns(streamType: bigint): Grammar<SourceMessageRun> {
  const single = sourceMessages(streamType);
  const typeHigh = Number(streamType >> 32n);
  const typeLow = Number(streamType & 0xffff_ffffn);
  const isAddition = (bytes: Uint8Array, at: number): boolean => {
    const message = readU32(bytes, at + 4);
    return (message === ADD_STREAM_ENTRY || message === ADD_STREAM_BOOKMARK) && readU32(bytes, at) === 0;
  };
  /** Bytes of the addition at `at`; 0 unless it is one, complete, and in order. */
  const measureAddition = (bytes: Uint8Array, at: number, end: number): number => {
    if (end - at < ENTRY_BYTES || !isAddition(bytes, at)) return 0;
    if (readU32(bytes, at + 8) !== typeHigh || readU32(bytes, at + 12) !== typeLow) return 0;
    const isEntry = readU32(bytes, at + 4) === ADD_STREAM_ENTRY;
    const length = readU32(bytes, at + (isEntry ? 20 : 16));
    if (isEntry ? length > ENTRY_DATA_BYTES_MAX : length < 1 || length > BOOKMARK_BYTES_MAX) return 0;
    const bytesOfAll = (isEntry ? ENTRY_BYTES : BOOKMARK_BYTES) + length;
    return bytesOfAll <= end - at ? bytesOfAll : 0;
  };
  return {
    measure(bytes, at, end) {
      let behind = at;
      for (;;) {
        const length = measureAddition(bytes, behind, end);
        if (length === 0) break;
        behind += length;
      }
      // What is no good, or not complete, is judged on its own.
      return behind > at ? behind - at : single.measure(bytes, at, end);
    },
    decode(bytes, at, length, end) {
      return isAddition(bytes, at)
        ? { kind: 'additions', bytes: bytes.subarray(at, at + length) }
        : (single.decode(bytes, at, length, end) as SourceMessageRun);
    },
  };
}

/** Gives away what the messages add, in order. What `taker` throws ends it. */
export function takeAdditions({ bytes }: SourceAdditions, taker: AdditionsTaker): void {
  for (let at = 0; at < bytes.length;) {
    if (readU32(bytes, at + 4) === ADD_STREAM_ENTRY) {
      const end = at + ENTRY_BYTES + readU32(bytes, at + 20);
      taker.takeEntry(readU32(bytes, at + 16), bytes, at + ENTRY_BYTES, end);
      at = end;
    } else {
      const end = at + BOOKMARK_BYTES + readU32(bytes, at + 16);
      taker.takeBookmark(bytes, at + BOOKMARK_BYTES, end);
      at = end;
    }
  }
}
