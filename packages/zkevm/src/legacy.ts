/**
 * Payloads of old streams: big-endian structs without padding, told apart by `kind`.
 *
 *   1    block start   u64 batchNumber, u64 blockNumber, u64 timestamp, u32 deltaTimestamp, u32 l1InfoTreeIndex,
 *                      u8[32] l1BlockHash, u8[32] globalExitRoot, u8[20] coinbase, u16 forkId, u32 chainId,
 *                      and from some writers u8[32] localExitRoot: 122 or 154 bytes
 *   2    transaction   u8 effectiveGasPricePercentage, u8 isValid, u8[32] stateRoot, u32 length, u8[] encoded
 *   3    block end     u64 number, u8[32] hash, u8[32] stateRoot
 *   4    update GER    u64 batchNumber, u64 timestamp, u8[32] globalExitRoot, u8[20] coinbase, u16 forkId,
 *                      u32 chainId, u8[32] stateRoot
 *   176  bookmark      u8 kind (0 block, 1 batch), u64 value
 *
 * Byte fields of a decoded payload are views of the entry's data.
 */
import { BookmarkType, LegacyEntryType } from './entry-types.js';
import { ZkevmError } from './errors.js';
import type { Bookmark, EncodedEntry } from './payloads.js';
import { StructReader, StructWriter } from './struct.js';

/** Opens a block, whose transactions follow. */
export interface LegacyBlockStart {
  readonly kind: 'legacyBlockStart';
  readonly batchNumber: bigint;
  readonly blockNumber: bigint;
  /** Seconds since 1970. */
  readonly timestamp: bigint;
  /** Seconds since the block before. */
  readonly deltaTimestamp: number;
  readonly l1InfoTreeIndex: number;
  readonly l1BlockHash: Uint8Array;
  readonly globalExitRoot: Uint8Array;
  readonly coinbase: Uint8Array;
  readonly forkId: number;
  readonly chainId: number;
  /** Only in the 154-byte form. */
  readonly localExitRoot?: Uint8Array | undefined;
}

/** A transaction of the block before it. */
export interface LegacyTransaction {
  readonly kind: 'legacyTransaction';
  readonly effectiveGasPricePercentage: number;
  readonly isValid: boolean;
  readonly stateRoot: Uint8Array;
  /** The signed transaction: RLP, or an EIP-2718 typed envelope. */
  readonly encoded: Uint8Array;
}

/** Closes a block. */
export interface LegacyBlockEnd {
  readonly kind: 'legacyBlockEnd';
  readonly number: bigint;
  readonly hash: Uint8Array;
  readonly stateRoot: Uint8Array;
}

/** A new global exit root, between blocks. */
export interface LegacyUpdateGer {
  readonly kind: 'legacyUpdateGer';
  readonly batchNumber: bigint;
  /** Seconds since 1970. */
  readonly timestamp: bigint;
  readonly globalExitRoot: Uint8Array;
  readonly coinbase: Uint8Array;
  readonly forkId: number;
  readonly chainId: number;
  readonly stateRoot: Uint8Array;
}

/** Any payload of an old stream. Its bookmarks mean the same as new ones and only their bytes differ. */
export type LegacyPayload =
  Bookmark | LegacyBlockStart | LegacyTransaction | LegacyBlockEnd | LegacyUpdateGer;

const hashBytes = 32;
const addressBytes = 20;
const blockBookmark = 0;
const batchBookmark = 1;

/**
 * Decodes the data of one entry of an old stream.
 * @throws ZkevmError `unknown-entry-type` or `malformed`
 */
export function decodeLegacyPayload(entryType: number, data: Uint8Array): LegacyPayload {
  const reader = new StructReader(entryType, data);
  const payload = readPayload(entryType, reader);
  reader.end();
  return payload;
}

// Object literals evaluate in order, so each one below reads its struct front to back.
function readPayload(entryType: number, reader: StructReader): LegacyPayload {
  switch (entryType) {
    case LegacyEntryType.blockStart:
      return {
        kind: 'legacyBlockStart',
        batchNumber: reader.u64('batchNumber'),
        blockNumber: reader.u64('blockNumber'),
        timestamp: reader.u64('timestamp'),
        deltaTimestamp: reader.u32('deltaTimestamp'),
        l1InfoTreeIndex: reader.u32('l1InfoTreeIndex'),
        l1BlockHash: reader.bytes('l1BlockHash', hashBytes),
        globalExitRoot: reader.bytes('globalExitRoot', hashBytes),
        coinbase: reader.bytes('coinbase', addressBytes),
        forkId: reader.u16('forkId'),
        chainId: reader.u32('chainId'),
        ...(reader.done ? {} : { localExitRoot: reader.bytes('localExitRoot', hashBytes) }),
      };
    case LegacyEntryType.transaction:
      return {
        kind: 'legacyTransaction',
        effectiveGasPricePercentage: reader.u8('effectiveGasPricePercentage'),
        isValid: readFlag(reader, 'isValid'),
        stateRoot: reader.bytes('stateRoot', hashBytes),
        encoded: reader.bytes('encoded', reader.u32('length')),
      };
    case LegacyEntryType.blockEnd:
      return {
        kind: 'legacyBlockEnd',
        number: reader.u64('number'),
        hash: reader.bytes('hash', hashBytes),
        stateRoot: reader.bytes('stateRoot', hashBytes),
      };
    case LegacyEntryType.updateGer:
      return {
        kind: 'legacyUpdateGer',
        batchNumber: reader.u64('batchNumber'),
        timestamp: reader.u64('timestamp'),
        globalExitRoot: reader.bytes('globalExitRoot', hashBytes),
        coinbase: reader.bytes('coinbase', addressBytes),
        forkId: reader.u16('forkId'),
        chainId: reader.u32('chainId'),
        stateRoot: reader.bytes('stateRoot', hashBytes),
      };
    case LegacyEntryType.bookmark:
      return {
        kind: 'bookmark',
        type: readFlag(reader, 'kind') ? BookmarkType.batch : BookmarkType.l2Block,
        value: reader.u64('value'),
      };
    default:
      throw new ZkevmError('unknown-entry-type', 'an old stream has only 1, 2, 3, 4 and 176', { entryType });
  }
}

function readFlag(reader: StructReader, field: string): boolean {
  const byte = reader.u8(field);
  if (byte > 1) reader.fail(`it must be 0 or 1, not ${byte}`, field, 1);
  return byte === 1;
}

/**
 * Encodes a payload of an old stream.
 * @throws ZkevmError `invalid-value` when a value does not fit its field
 */
export function encodeLegacyPayload(payload: LegacyPayload): EncodedEntry {
  const type = legacyEntryTypeOf(payload);
  return { type, data: writePayload(payload, new StructWriter(type)).finish() };
}

function legacyEntryTypeOf({ kind }: LegacyPayload): LegacyEntryType {
  switch (kind) {
    case 'legacyBlockStart':
      return LegacyEntryType.blockStart;
    case 'legacyTransaction':
      return LegacyEntryType.transaction;
    case 'legacyBlockEnd':
      return LegacyEntryType.blockEnd;
    case 'legacyUpdateGer':
      return LegacyEntryType.updateGer;
    case 'bookmark':
      return LegacyEntryType.bookmark;
  }
}

function writePayload(payload: LegacyPayload, writer: StructWriter): StructWriter {
  switch (payload.kind) {
    case 'legacyBlockStart':
      writer
        .u64('batchNumber', payload.batchNumber)
        .u64('blockNumber', payload.blockNumber)
        .u64('timestamp', payload.timestamp)
        .u32('deltaTimestamp', payload.deltaTimestamp)
        .u32('l1InfoTreeIndex', payload.l1InfoTreeIndex)
        .bytes('l1BlockHash', payload.l1BlockHash, hashBytes)
        .bytes('globalExitRoot', payload.globalExitRoot, hashBytes)
        .bytes('coinbase', payload.coinbase, addressBytes)
        .u16('forkId', payload.forkId)
        .u32('chainId', payload.chainId);
      return payload.localExitRoot === undefined
        ? writer
        : writer.bytes('localExitRoot', payload.localExitRoot, hashBytes);
    case 'legacyTransaction':
      return writer
        .u8('effectiveGasPricePercentage', payload.effectiveGasPricePercentage)
        .u8('isValid', payload.isValid ? 1 : 0)
        .bytes('stateRoot', payload.stateRoot, hashBytes)
        .u32('length', payload.encoded.length)
        .bytes('encoded', payload.encoded, payload.encoded.length);
    case 'legacyBlockEnd':
      return writer
        .u64('number', payload.number)
        .bytes('hash', payload.hash, hashBytes)
        .bytes('stateRoot', payload.stateRoot, hashBytes);
    case 'legacyUpdateGer':
      return writer
        .u64('batchNumber', payload.batchNumber)
        .u64('timestamp', payload.timestamp)
        .bytes('globalExitRoot', payload.globalExitRoot, hashBytes)
        .bytes('coinbase', payload.coinbase, addressBytes)
        .u16('forkId', payload.forkId)
        .u32('chainId', payload.chainId)
        .bytes('stateRoot', payload.stateRoot, hashBytes);
    case 'bookmark':
      return writer.u8('kind', legacyBookmarkKind(payload)).u64('value', payload.value);
  }
}

function legacyBookmarkKind({ type }: Bookmark): number {
  if (type === BookmarkType.l2Block) return blockBookmark;
  if (type === BookmarkType.batch) return batchBookmark;
  throw new ZkevmError('invalid-value', `old bookmarks point at batches and blocks, not at type ${type}`, {
    entryType: LegacyEntryType.bookmark,
    field: 'kind',
  });
}
