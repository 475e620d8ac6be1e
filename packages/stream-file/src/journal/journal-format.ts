/**
 * The operation journal, `NAME.bin.journal`: where operations end, when they were committed, and a checksum of each.
 *
 *   header      [0..8) ASCII "DSJOURN1", [8..16) u64 session, [16..24) u64 session before it, [24..28) u32 0,
 *               [28..32) u32 CRC-32 of the rest
 *   record k    at 32 x (k + 1): [0..8) u64 nextEntry, [8..16) u64 endOffset, [16..24) u64 commitTimeMs,
 *               [24..28) u32 CRC-32 of the operation's entries, padding left out, [28..32) u32 CRC-32 of the rest
 *
 * A record begins where the one before it ends. One whose time is 0 stands for entries that were taken over: their
 * operations are not known, nor is a checksum of them. A record that does not hold its own checksum makes the next one
 * stand for all since the last that does, as taken over. No record is ever split by the end of a sector.
 *
 * The journal belongs to the file while the file has one of its two sessions. They differ only while the file gets a new
 * one, so that a crash in between does not cost the journal.
 */
import { crc32 } from 'node:zlib';

import { asciiBytes, asciiText, readU32, readU64, writeU32, writeU64 } from '@ds/codec';

import type { Extent } from '../commits/header-page.js';
import { crcOf } from './checksums.js';

/** An operation of the stream, or a range of entries whose operations are not known. */
export interface Operation {
  /** Number of its first entry. A u64. */
  readonly firstEntry: bigint;
  /** Number of the entry behind its last one. A u64. */
  readonly nextEntry: bigint;
  /**
   * When it was committed, in milliseconds since 1970; undefined where entries were taken over: from another program, from
   * a file without its journal, after a crash, or when a cut has left a part of an operation. A u64.
   */
  readonly commitTimeMs: bigint | undefined;
  /** CRC-32 of its entries as they go over the wire; undefined where `commitTimeMs` is. A u32. */
  readonly crc32: number | undefined;
}

export interface JournalRecord {
  readonly nextEntry: number;
  readonly endOffset: number;
  /** 0 where entries were taken over. */
  readonly commitTimeMs: number;
  readonly crc: number;
}

/** Bytes of a record, and of the header. */
export const RECORD_BYTES = 32;
const CRC_AT = RECORD_BYTES - 4;
const MAGIC = 'DSJOURN1';
const TWO_POW_32 = 0x1_0000_0000;

/** Offset of record `index`; of the journal's end if there are so many. */
export function recordAt(index: number): number {
  return (index + 1) * RECORD_BYTES;
}

export function encodeHeader(session: bigint, before: bigint): Uint8Array {
  const bytes = new Uint8Array(RECORD_BYTES);
  bytes.set(asciiBytes(MAGIC));
  writeU64(bytes, 8, session);
  writeU64(bytes, 16, before);
  writeU32(bytes, CRC_AT, crc32(bytes.subarray(0, CRC_AT)));
  return bytes;
}

export function isWholeHeader(header: Uint8Array): boolean {
  return (
    asciiText(header.subarray(0, MAGIC.length)) === MAGIC &&
    readU32(header, CRC_AT) === crc32(header.subarray(0, CRC_AT))
  );
}

/** Whether the journal with this header belongs to the file with that session. */
export function belongsTo(header: Uint8Array, session: bigint | undefined): boolean {
  return isWholeHeader(header) && (readU64(header, 8) === session || readU64(header, 16) === session);
}

/** Writes a record; returns the offset behind it. */
export function writeRecord(view: DataView, at: number, end: Extent, timeMs: number, crc: number): number {
  writeNumber(view, at, end.entries);
  writeNumber(view, at + 8, end.length);
  writeNumber(view, at + 16, timeMs);
  view.setUint32(at + 24, crc);
  view.setUint32(at + CRC_AT, crcOf(view, at, at + CRC_AT));
  return at + RECORD_BYTES;
}

/** The record at `at`; undefined if it is not what was written. */
export function readRecord(view: DataView, at: number): JournalRecord | undefined {
  if (view.getUint32(at + CRC_AT) !== crcOf(view, at, at + CRC_AT)) return undefined;
  const nextEntry = readNumber(view, at);
  // Zeros, which nobody has written yet.
  if (nextEntry === 0) return undefined;
  return {
    nextEntry,
    endOffset: readNumber(view, at + 8),
    commitTimeMs: readNumber(view, at + 16),
    crc: view.getUint32(at + 24),
  };
}

/** Whether nothing was ever written at `at`: what is to stand there was lost, or could not be written. */
export function isEmptyRecord(view: DataView, at: number): boolean {
  for (let word = at; word < at + RECORD_BYTES; word += 4) if (view.getUint32(word) !== 0) return false;
  return true;
}

function writeNumber(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / TWO_POW_32));
  view.setUint32(at + 4, value);
}

function readNumber(view: DataView, at: number): number {
  return view.getUint32(at) * TWO_POW_32 + view.getUint32(at + 4);
}
