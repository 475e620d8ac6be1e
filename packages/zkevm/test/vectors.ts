/** Payloads and their bytes, computed by hand from the published layouts. */
import { BatchType, BookmarkType, type LegacyPayload, type Payload } from '../src/index.js';

export const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));

export interface Vector<P> {
  readonly name: string;
  readonly type: number;
  readonly hex: string;
  readonly payload: P;
}

const empty = bytes('');

export const protobufVectors: readonly Vector<Payload>[] = [
  { name: 'bookmark of batch 0', type: 0xb0, hex: '0801', payload: bookmark(BookmarkType.batch, 0n) },
  { name: 'bookmark of block 0', type: 0xb0, hex: '0802', payload: bookmark(BookmarkType.l2Block, 0n) },
  {
    name: 'bookmark of block 5903656',
    type: 0xb0,
    hex: '0802 10a8aae802',
    payload: bookmark(BookmarkType.l2Block, 5_903_656n),
  },
  {
    name: 'bookmark of the largest block number, 13 bytes',
    type: 0xb0,
    hex: '0802 10ffffffffffffffffff01',
    payload: bookmark(BookmarkType.l2Block, 2n ** 64n - 1n),
  },
  {
    name: 'batch start with a note',
    type: 1,
    hex: '0801 1001 1809 20cd08 2a04 0a02 6869',
    payload: {
      kind: 'batchStart',
      number: 1n,
      type: BatchType.regular,
      forkId: 9n,
      chainId: 1101n,
      debug: 'hi',
    },
  },
  {
    name: 'batch start of a batch type that has no name yet',
    type: 1,
    hex: '1009',
    payload: { kind: 'batchStart', number: 0n, type: 9, forkId: 0n, chainId: 0n },
  },
  {
    name: 'batch end with an empty note',
    type: 4,
    hex: '08ac02 1202aabb 1a01cc 2200',
    payload: {
      kind: 'batchEnd',
      number: 300n,
      localExitRoot: bytes('aabb'),
      stateRoot: bytes('cc'),
      debug: '',
    },
  },
  {
    name: 'block with every field',
    type: 2,
    hex: `0805 1002 18e807 2003 2807 320111 3804 420122 4a0133 520144 5a0155 608087a70e 6a0166 7203 0a0178
      7a0107`,
    payload: {
      kind: 'l2Block',
      number: 5n,
      batchNumber: 2n,
      timestamp: 1000n,
      deltaTimestamp: 3,
      minTimestamp: 7n,
      l1BlockHash: bytes('11'),
      l1InfoTreeIndex: 4,
      hash: bytes('22'),
      stateRoot: bytes('33'),
      globalExitRoot: bytes('44'),
      coinbase: bytes('55'),
      blockGasLimit: 30_000_000n,
      blockInfoRoot: bytes('66'),
      debug: 'x',
      baseFee: bytes('07'),
    },
  },
  {
    name: 'block 0 of a node that writes nothing else',
    type: 2,
    hex: '',
    payload: {
      kind: 'l2Block',
      number: 0n,
      batchNumber: 0n,
      timestamp: 0n,
      deltaTimestamp: 0,
      minTimestamp: 0n,
      l1BlockHash: empty,
      l1InfoTreeIndex: 0,
      hash: empty,
      stateRoot: empty,
      globalExitRoot: empty,
      coinbase: empty,
      blockGasLimit: 0n,
      blockInfoRoot: empty,
      baseFee: empty,
    },
  },
  { name: 'block end', type: 6, hex: '0805', payload: { kind: 'l2BlockEnd', number: 5n } },
  { name: 'end of block 0', type: 6, hex: '', payload: { kind: 'l2BlockEnd', number: 0n } },
  {
    name: 'transaction',
    type: 3,
    hex: '0805 1001 1801 2201c0 28ff01 320177',
    payload: {
      kind: 'transaction',
      l2BlockNumber: 5n,
      index: 1n,
      isValid: true,
      encoded: bytes('c0'),
      effectiveGasPricePercentage: 255,
      imStateRoot: bytes('77'),
    },
  },
  {
    name: 'update of the global exit root',
    type: 5,
    hex: '0802 10e807 1a0144 220155 2809 30cd08 3a0133 4203 0a0178',
    payload: {
      kind: 'updateGer',
      batchNumber: 2n,
      timestamp: 1000n,
      globalExitRoot: bytes('44'),
      coinbase: bytes('55'),
      forkId: 9n,
      chainId: 1101n,
      stateRoot: bytes('33'),
      debug: 'x',
    },
  },
];

const blockStartHex = `0000000000000002 0000000000000005 00000000000003e8 00000003 00000004 ${'11'.repeat(32)}
  ${'44'.repeat(32)} ${'55'.repeat(20)} 0009 0000044d`;

const blockStart = {
  kind: 'legacyBlockStart',
  batchNumber: 2n,
  blockNumber: 5n,
  timestamp: 1000n,
  deltaTimestamp: 3,
  l1InfoTreeIndex: 4,
  l1BlockHash: bytes('11'.repeat(32)),
  globalExitRoot: bytes('44'.repeat(32)),
  coinbase: bytes('55'.repeat(20)),
  forkId: 9,
  chainId: 1101,
} as const;

export const legacyVectors: readonly Vector<LegacyPayload>[] = [
  {
    name: 'bookmark of block 7',
    type: 0xb0,
    hex: '00 0000000000000007',
    payload: bookmark(BookmarkType.l2Block, 7n),
  },
  {
    name: 'bookmark of batch 7',
    type: 0xb0,
    hex: '01 0000000000000007',
    payload: bookmark(BookmarkType.batch, 7n),
  },
  { name: 'block start of 122 bytes', type: 1, hex: blockStartHex, payload: blockStart },
  {
    name: 'block start of 154 bytes',
    type: 1,
    hex: blockStartHex + '66'.repeat(32),
    payload: { ...blockStart, localExitRoot: bytes('66'.repeat(32)) },
  },
  {
    name: 'transaction',
    type: 2,
    hex: `ff 01 ${'77'.repeat(32)} 00000003 c20102`,
    payload: {
      kind: 'legacyTransaction',
      effectiveGasPricePercentage: 255,
      isValid: true,
      stateRoot: bytes('77'.repeat(32)),
      encoded: bytes('c20102'),
    },
  },
  {
    name: 'block end',
    type: 3,
    hex: `0000000000000005 ${'22'.repeat(32)} ${'33'.repeat(32)}`,
    payload: {
      kind: 'legacyBlockEnd',
      number: 5n,
      hash: bytes('22'.repeat(32)),
      stateRoot: bytes('33'.repeat(32)),
    },
  },
  {
    name: 'update of the global exit root',
    type: 4,
    hex: `0000000000000002 00000000000003e8 ${'44'.repeat(32)} ${'55'.repeat(20)} 0009 0000044d ${'33'.repeat(32)}`,
    payload: {
      kind: 'legacyUpdateGer',
      batchNumber: 2n,
      timestamp: 1000n,
      globalExitRoot: bytes('44'.repeat(32)),
      coinbase: bytes('55'.repeat(20)),
      forkId: 9,
      chainId: 1101,
      stateRoot: bytes('33'.repeat(32)),
    },
  },
];

function bookmark(type: number, value: bigint): Payload & LegacyPayload {
  return { kind: 'bookmark', type, value };
}
