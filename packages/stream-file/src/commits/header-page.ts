/**
 * The header page: the classic header, which everybody reads, and commit slots, which tell us what is durable.
 *
 *   [0..16)      ASCII "polygonDATSTREAM"
 *   [16..54)     header entry, as in the protocol
 *   [64..84)     stamp: ASCII "DSST", u64 sequence, u32 CRC-32 of [16..54) and the sequence, u32 0
 *   [512..4096)  seven commit slots of 512 bytes; the one of sequence n is number n % 7
 *
 *   slot: [0..8) ASCII "DSCOMMIT", [8..16) u64 sequence, [16..24) u64 startLength, [24..32) u64 startEntries,
 *   [32..40) u64 totalLength, [40..48) u64 totalEntries, [48..56) u64 epoch, [56..60) u32 dataCrc,
 *   [60..64) u32 flags (1 = closed cleanly), [64..72) u64 base,
 *   [72..80) u64 session, [80..84) u32 CRC-32 of the header's fields that never change, [508..512) u32 CRC-32 of [0..508)
 *
 * A commit writes header, stamp and its slot in one write, after its data. All of a sector of 512 bytes is written or
 * none of it, so a power cut leaves: a slot whose data CRC holds (committed), or one whose CRC fails, or the slot before.
 * A header without a matching stamp was written by another program; no program changes what stream it is. As a slot is
 * replaced by another one whole or not at all, what stands in the place of the stamp's is one, or rot.
 *
 * `startLength` and `startEntries` are what was durable before the slot was written, by the commit of sequence `base`;
 * `dataCrc` covers all bytes committed since, from `startLength` to `totalLength`. So the newest slot alone says what holds
 * in any case, and slots up to its `base` have nothing to say any more.
 */
import { crc32 } from 'node:zlib';

import {
  asciiBytes,
  asciiText,
  CodecError,
  decodeHeader,
  encodeHeader,
  HEADER_BYTES,
  readU32,
  readU64,
  readU64AsNumber,
  writeU32,
  writeU64,
  writeU64Number,
  type StreamIdentity,
} from '@ds/codec';

import { HEADER_PAGE_BYTES } from '../pages/geometry.js';

const MAGIC = 'polygonDATSTREAM';
const HEADER_AT = 16;
/** Bytes of the header entry that say what stream it is; behind them stands how long it is. */
const IDENTITY_BYTES = 22;
export const STAMP_AT = 64;
export const STAMP_MAGIC = 'DSST';
export const SLOT_BYTES = 512;
const SLOT_COUNT = HEADER_PAGE_BYTES / SLOT_BYTES - 1;
const SLOT_MAGIC = 'DSCOMMIT';
const STAMP_MAGIC_BYTES = asciiBytes(STAMP_MAGIC);
const SLOT_MAGIC_BYTES = asciiBytes(SLOT_MAGIC);
const SLOT_CRC_AT = SLOT_BYTES - 4;
const FLAG_CLEAN = 1;

/** How long the stream is: bytes of the file in use, and entries. Safe integers. */
export interface Extent {
  readonly length: number;
  readonly entries: number;
}

/** One commit, as its slot records it. */
export interface CommitRecord {
  /** Counts commits from 1. */
  readonly sequence: number;
  /** Sequence of the commit that was durable when this one was written. */
  readonly base: number;
  /** The extent that was durable then. */
  readonly start: Extent;
  /** The committed extent. */
  readonly end: Extent;
  /** Highest epoch of a source so far. */
  readonly epoch: bigint;
  /** CRC-32 of the file's bytes from `start.length` to `end.length`, padding included. */
  readonly dataCrc: number;
  /** Ties the page directory to the file: another number whenever the file is opened or cut. */
  readonly session: bigint;
  /** Whether the file was closed cleanly after this commit: nothing needs to be checked. */
  readonly clean: boolean;
}

/** A header page as it was found. */
export interface HeaderPageState {
  readonly identity: StreamIdentity;
  /** What the classic header says. */
  readonly extent: Extent;
  /** Whether this package wrote the classic header, rather than another program. */
  readonly ours: boolean;
  /** The commit slots whose checksum holds, newest first. */
  readonly commits: readonly CommitRecord[];
  /** What of the page is certainly not what was written, if anything. */
  readonly damage: string | undefined;
}

/** The header page of an open file, kept in memory and changed by commits. */
export class HeaderPage {
  readonly bytes = new Uint8Array(HEADER_PAGE_BYTES);
  readonly #identityCrc: number;

  constructor(identity: StreamIdentity, found?: Uint8Array) {
    const { bytes } = this;
    if (found) bytes.set(found);
    bytes.set(asciiBytes(MAGIC));
    bytes.set(encodeHeader({ ...identity, totalLength: 0n, totalEntries: 0n }), HEADER_AT);
    bytes.set(STAMP_MAGIC_BYTES, STAMP_AT);
    this.#identityCrc = identityCrc(bytes);
  }

  /** Puts a commit into header, stamp and slot. */
  record(commit: CommitRecord): void {
    const { bytes } = this;
    writeU64Number(bytes, HEADER_AT + IDENTITY_BYTES, commit.end.length);
    writeU64Number(bytes, HEADER_AT + IDENTITY_BYTES + 8, commit.end.entries);
    writeU64Number(bytes, STAMP_AT + 4, commit.sequence);
    writeU32(bytes, STAMP_AT + 12, stampCrc(bytes));

    const slot = bytes.subarray(slotAt(commit.sequence), slotAt(commit.sequence) + SLOT_BYTES).fill(0);
    slot.set(SLOT_MAGIC_BYTES);
    writeU64Number(slot, 8, commit.sequence);
    writeU64Number(slot, 16, commit.start.length);
    writeU64Number(slot, 24, commit.start.entries);
    writeU64Number(slot, 32, commit.end.length);
    writeU64Number(slot, 40, commit.end.entries);
    writeU64(slot, 48, commit.epoch);
    writeU32(slot, 56, commit.dataCrc);
    writeU32(slot, 60, commit.clean ? FLAG_CLEAN : 0);
    writeU64Number(slot, 64, commit.base);
    writeU64(slot, 72, commit.session);
    writeU32(slot, 80, this.#identityCrc);
    writeU32(slot, SLOT_CRC_AT, crc32(slot.subarray(0, SLOT_CRC_AT)));
  }
}

/**
 * Reads a header page.
 * @throws {CodecError} if it is not one.
 */
export function readHeaderPage(bytes: Uint8Array): HeaderPageState {
  if (asciiText(bytes.subarray(0, MAGIC.length)) !== MAGIC) {
    throw new CodecError('unknown-packet', `the file does not start with "${MAGIC}"`);
  }
  const { totalLength, totalEntries, ...identity } = decodeHeader(bytes, HEADER_AT);
  const ours =
    asciiText(bytes.subarray(STAMP_AT, STAMP_AT + STAMP_MAGIC.length)) === STAMP_MAGIC &&
    readU32(bytes, STAMP_AT + 12) === stampCrc(bytes);
  const commits: CommitRecord[] = [];
  for (let slot = 1; slot <= SLOT_COUNT; slot++) {
    const commit = readSlot(bytes.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES));
    if (commit) commits.push(commit);
  }
  commits.sort((a, b) => b.sequence - a.sequence);
  return {
    identity,
    extent: { length: Number(totalLength), entries: Number(totalEntries) },
    ours,
    commits,
    damage: damageOf(bytes, ours, commits[0]),
  };
}

function damageOf(bytes: Uint8Array, ours: boolean, newest: CommitRecord | undefined): string | undefined {
  if (newest && readU32(bytes, slotAt(newest.sequence) + 80) !== identityCrc(bytes))
    return `the header at offset ${HEADER_AT} names another stream than the commits were made for`;
  if (!ours) return undefined;
  const at = slotAt(readU64AsNumber(bytes, STAMP_AT + 4));
  const slot = bytes.subarray(at, at + SLOT_BYTES);
  if (readSlot(slot) || slot.every((byte) => byte === 0)) return undefined;
  return `the commit at offset ${at} is not what was written`;
}

export function readSlot(slot: Uint8Array): CommitRecord | undefined {
  if (asciiText(slot.subarray(0, SLOT_MAGIC.length)) !== SLOT_MAGIC) return undefined;
  if (readU32(slot, SLOT_CRC_AT) !== crc32(slot.subarray(0, SLOT_CRC_AT))) return undefined;
  return {
    sequence: readU64AsNumber(slot, 8),
    start: { length: readU64AsNumber(slot, 16), entries: readU64AsNumber(slot, 24) },
    end: { length: readU64AsNumber(slot, 32), entries: readU64AsNumber(slot, 40) },
    epoch: readU64(slot, 48),
    dataCrc: readU32(slot, 56),
    clean: (readU32(slot, 60) & FLAG_CLEAN) !== 0,
    base: readU64AsNumber(slot, 64),
    session: readU64(slot, 72),
  };
}

function slotAt(sequence: number): number {
  return SLOT_BYTES * (1 + (sequence % SLOT_COUNT));
}

function identityCrc(page: Uint8Array): number {
  return crc32(page.subarray(HEADER_AT, HEADER_AT + IDENTITY_BYTES));
}

/** Over the header entry and the stamp's sequence: both stand in one sector, so they are written together or not at all. */
function stampCrc(page: Uint8Array): number {
  const header = crc32(page.subarray(HEADER_AT, HEADER_AT + HEADER_BYTES));
  return crc32(page.subarray(STAMP_AT, STAMP_AT + 12), header);
}
