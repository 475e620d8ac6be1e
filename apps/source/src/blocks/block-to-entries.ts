/** Makes the entries of one operation from one JSON-RPC block, in the order that zkEVM streams have. */
import { z } from 'zod';
import type { OperationEntry } from '@ds/app-kit';
import { blockBookmark, encodePayload } from '@ds/zkevm';
import { BlockError, type BlockErrorPlace } from './block-error.js';
import { address, hash, list, quantity, readJson, record } from './json-fields.js';
import { rawTransaction } from './raw-transaction.js';

const numberOnly = record({ number: quantity });

const blockShape = record({
  timestamp: quantity,
  hash,
  stateRoot: hash,
  miner: address,
  gasLimit: quantity,
  baseFeePerGas: quantity.nullish(),
  transactions: list(z.unknown()),
  // What only nodes of zkEVM chains answer.
  batchNumber: quantity.nullish(),
  minTimestamp: quantity.nullish(),
  l1BlockHash: hash.nullish(),
  l1InfoTreeIndex: quantity.nullish(),
  globalExitRoot: hash.nullish(),
  blockInfoRoot: hash.nullish(),
});

const previousShape = record({ number: quantity, timestamp: quantity });

const transactionShape = record({
  transactionIndex: quantity.nullish(),
  effectiveGasPricePercentage: quantity.nullish(),
});

/** The whole gas price is charged. */
const wholeGasPrice = 255n;

/**
 * Converts a block to its bookmark, L2Block, one Transaction for each of its transactions, and L2BlockEnd.
 *
 * @param block what `eth_getBlockByNumber(n, true)` answers: a block with full transactions
 * @param previous the JSON-RPC block before, for the seconds between the two; left out, or not the block right
 *   before, they are 0
 * @throws BlockError when a field is missing or wrong, a transaction type is unknown, or a rebuilt transaction
 *   does not hash to its own hash; nothing of the block is returned then
 */
export function blockToEntries(block: unknown, previous?: unknown): OperationEntry[] {
  const { number } = readJson(numberOnly, block, {});
  const place = { blockNumber: number };
  const fields = readJson(blockShape, block, place);
  const blockEntry = encodePayload({
    kind: 'l2Block',
    number: fits(64, number, 'number', place),
    batchNumber: fits(64, fields.batchNumber ?? 0n, 'batchNumber', place),
    timestamp: fits(64, fields.timestamp, 'timestamp', place),
    deltaTimestamp: secondsSince(previous, number, fields.timestamp, place),
    minTimestamp: fits(64, fields.minTimestamp ?? 0n, 'minTimestamp', place),
    l1BlockHash: fields.l1BlockHash ?? undefined,
    l1InfoTreeIndex: Number(fits(32, fields.l1InfoTreeIndex ?? 0n, 'l1InfoTreeIndex', place)),
    hash: fields.hash,
    stateRoot: fields.stateRoot,
    globalExitRoot: fields.globalExitRoot ?? undefined,
    coinbase: fields.miner,
    blockGasLimit: fits(64, fields.gasLimit, 'gasLimit', place),
    blockInfoRoot: fields.blockInfoRoot ?? undefined,
    baseFee: bigEndian(fields.baseFeePerGas ?? 0n),
  });
  return [
    { bookmark: blockBookmark(number) },
    blockEntry,
    ...fields.transactions.map((json, index) => transactionEntry(json, number, index)),
    encodePayload({ kind: 'l2BlockEnd', number }),
  ];
}

function transactionEntry(json: unknown, blockNumber: bigint, index: number): OperationEntry {
  const place = { blockNumber, transactionIndex: index };
  if (typeof json === 'string') {
    const problem = 'it is only a hash; ask the node for full transactions (eth_getBlockByNumber with true)';
    throw new BlockError('invalid-field', problem, place);
  }
  const fields = readJson(transactionShape, json, place);
  const { transactionIndex = null } = fields;
  if (transactionIndex !== null && transactionIndex !== BigInt(index)) {
    const problem = `it is ${String(transactionIndex)}, but the transaction stands at ${index} in the list`;
    throw new BlockError('invalid-field', problem, { ...place, field: 'transactionIndex' });
  }
  const percentage = fields.effectiveGasPricePercentage ?? wholeGasPrice;
  return encodePayload({
    kind: 'transaction',
    l2BlockNumber: blockNumber,
    index: BigInt(index),
    isValid: true,
    encoded: rawTransaction(json, place),
    effectiveGasPricePercentage: Number(fits(8, percentage, 'effectiveGasPricePercentage', place)),
  });
}

function secondsSince(previous: unknown, number: bigint, timestamp: bigint, place: BlockErrorPlace): number {
  if (previous === undefined) return 0;
  const before = readJson(previousShape, previous, {});
  if (before.number + 1n !== number) return 0;
  if (timestamp < before.timestamp) {
    const problem = `it is ${String(timestamp)}, before the ${String(before.timestamp)} of the block before`;
    throw new BlockError('invalid-field', problem, { ...place, field: 'timestamp' });
  }
  return Number(fits(32, timestamp - before.timestamp, 'timestamp', place));
}

/** Quantities are 256 bits wide in JSON-RPC; the stream has less room for most of them. */
function fits(bits: number, value: bigint, field: string, place: BlockErrorPlace): bigint {
  if (value < 2n ** BigInt(bits)) return value;
  const problem = `${String(value)} does not fit the stream's ${bits} bits`;
  throw new BlockError('invalid-field', problem, { ...place, field });
}

/** An unsigned integer without leading zeros; none at all for 0. */
function bigEndian(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return Uint8Array.from(bytes);
}
