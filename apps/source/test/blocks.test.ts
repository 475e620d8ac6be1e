// A JSON-RPC block becomes the entries of one operation, and every transaction in it is byte for byte the one that
// was signed: its keccak-256 is its hash. Shown on a mainnet block and on all blocks that a real node recorded.
import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { decodeBookmark, decodePayload, EntryType, type L2Block, type Payload } from '@ds/zkevm';
import { blockToEntries } from '../src/blocks/index.js';
import { type JsonBlock, mainnetBlock, recordedBlocks } from './blocks-data.js';

const bytes = (hex: string): Uint8Array => hexToBytes(hex.slice(2));

/** The entries of a block, decoded as a consumer would. */
function payloadsOf(block: unknown, previous?: unknown): Payload[] {
  return blockToEntries(block, previous).map((entry) =>
    'bookmark' in entry ? decodeBookmark(entry.bookmark) : decodePayload(entry.type, entry.data),
  );
}

function l2BlockOf(block: unknown, previous?: unknown): L2Block {
  const [, payload] = payloadsOf(block, previous);
  if (payload?.kind !== 'l2Block') throw new Error('the second entry is no L2Block');
  return payload;
}

function hashesOf(block: JsonBlock): string[] {
  return payloadsOf(block)
    .filter((payload) => payload.kind === 'transaction')
    .map((payload) => `0x${bytesToHex(keccak_256(payload.encoded))}`);
}

const kindsOf = ({ transactions }: JsonBlock): string[] =>
  transactions.map(
    ({ type, v }) => `type ${Number(type)}${Number(type) === 0 && Number(v) < 35 ? ', before EIP-155' : ''}`,
  );

describe('a block', () => {
  const [first, second] = recordedBlocks as [JsonBlock, JsonBlock];

  it('becomes its bookmark, L2Block, its transactions in order, L2BlockEnd', () => {
    const number = 15_571_241n;
    const payloads = payloadsOf(mainnetBlock);
    expect(payloads).toHaveLength(2 + 58 + 1);
    expect(payloads[0]).toEqual({ kind: 'bookmark', type: 2, value: number });
    expect(payloads[1]).toMatchObject({ kind: 'l2Block', number });
    payloads.slice(2, -1).forEach((payload, index) => {
      expect(payload).toMatchObject({
        kind: 'transaction',
        l2BlockNumber: number,
        index: BigInt(index),
        isValid: true,
        effectiveGasPricePercentage: 255,
      });
    });
    expect(payloads.at(-1)).toEqual({ kind: 'l2BlockEnd', number });
  });

  it('has entries of the types that nodes know', () => {
    const types = blockToEntries(first).map((entry) => ('type' in entry ? entry.type : 'bookmark'));
    expect(types).toEqual(['bookmark', EntryType.l2Block, EntryType.transaction, EntryType.l2BlockEnd]);
  });

  it('keeps what its JSON says of it', () => {
    expect(l2BlockOf(mainnetBlock)).toEqual({
      kind: 'l2Block',
      number: 15_571_241n,
      batchNumber: 0n,
      timestamp: 0x63290ec7n,
      deltaTimestamp: 0,
      minTimestamp: 0n,
      l1BlockHash: new Uint8Array(),
      l1InfoTreeIndex: 0,
      hash: bytes('0x1850b014065b23d804ecf71a8a4691d076ca87c2e6fb8fe81ee20a4d8e884c24'),
      stateRoot: bytes('0xcdd3a940c3e78ebffaa2b420466d1f12386fa6255686c8222308d572923c292b'),
      globalExitRoot: new Uint8Array(),
      coinbase: bytes('0x4675c7e5baafbffbca748158becba61ef3b0a263'),
      blockGasLimit: 30_000_000n,
      blockInfoRoot: new Uint8Array(),
      baseFee: bytes('0x018e5cb091'),
    });
  });

  it('takes the fields that only zkEVM nodes answer, when they are there', () => {
    const root = `0x${'ab'.repeat(32)}`;
    const zkevm = {
      ...first,
      batchNumber: '0x2a',
      minTimestamp: '0x5',
      l1BlockHash: root,
      l1InfoTreeIndex: '0x7',
      globalExitRoot: root,
      blockInfoRoot: root,
      transactions: first.transactions.map((tx) => ({ ...tx, effectiveGasPricePercentage: '0x80' })),
    };
    expect(l2BlockOf(zkevm)).toMatchObject({
      batchNumber: 42n,
      minTimestamp: 5n,
      l1BlockHash: bytes(root),
      l1InfoTreeIndex: 7,
      globalExitRoot: bytes(root),
      blockInfoRoot: bytes(root),
    });
    expect(payloadsOf(zkevm)[2]).toMatchObject({ effectiveGasPricePercentage: 128 });
  });

  it('counts the seconds since the block right before it, and only that one', () => {
    const apart = Number(second.timestamp) - Number(first.timestamp);
    expect(apart).toBeGreaterThan(0);
    expect(l2BlockOf(second, first).deltaTimestamp).toBe(apart);
    expect(l2BlockOf(second).deltaTimestamp).toBe(0);
    expect(l2BlockOf(recordedBlocks[2], first).deltaTimestamp).toBe(0);
  });

  it('from before the base fee has none', () => {
    const { baseFeePerGas: _, ...old } = first;
    expect(l2BlockOf(old).baseFee).toEqual(new Uint8Array());
  });
});

describe('a transaction', () => {
  it('of mainnet hashes to its own hash', () => {
    expect(hashesOf(mainnetBlock)).toEqual(mainnetBlock.transactions.map(({ hash }) => hash));
  });

  it('of every recorded block hashes to its own hash', () => {
    for (const block of recordedBlocks) {
      expect(hashesOf(block), `block ${Number(block.number)}`).toEqual(
        block.transactions.map(({ hash }) => hash),
      );
    }
  });

  it('of every type is among the recorded', () => {
    expect(recordedBlocks).toHaveLength(300);
    expect(new Set(recordedBlocks.flatMap(kindsOf))).toEqual(
      new Set(['type 0', 'type 0, before EIP-155', 'type 1', 'type 2', 'type 3', 'type 4']),
    );
  });

  it('may give its parity as yParity, as v, or as both', () => {
    for (const block of recordedBlocks.slice(0, 30)) {
      const both = block.transactions.map((tx) => (Number(tx.type) === 0 ? tx : { ...tx, yParity: tx.v }));
      const parityOnly = both.map((tx) => (Number(tx.type) === 0 ? tx : { ...tx, v: undefined }));
      const expected = blockToEntries(block);
      expect(blockToEntries({ ...block, transactions: both })).toEqual(expected);
      expect(blockToEntries({ ...block, transactions: parityOnly })).toEqual(expected);
    }
  });

  it('may come without its type, as from old nodes, when it is of type 0', () => {
    const [block] = recordedBlocks as [JsonBlock];
    const [tx] = block.transactions.map(({ type: _, ...rest }) => rest);
    expect(blockToEntries({ ...block, transactions: [tx] })).toEqual(blockToEntries(block));
  });
});
