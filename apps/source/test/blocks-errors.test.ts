// A block that cannot be trusted goes nowhere: whatever is missing, wrong or changed is named by block,
// transaction and field. Each signed field of one recorded transaction of each type is removed and changed in turn.
import { describe, expect, it } from 'vitest';
import { BlockError, blockToEntries } from '../src/blocks/index.js';
import { type Json, recordedBlocks } from './blocks-data.js';

function errorOf(block: unknown, previous?: unknown): BlockError {
  try {
    blockToEntries(block, previous);
  } catch (error) {
    if (error instanceof BlockError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const block = recordedBlocks[1]!;
const signature = ['r', 's'];
const call = ['nonce', 'gas', 'to', 'value', 'input'];
const typed = [...call, 'chainId', 'accessList', 'v', ...signature];
const dynamicFee = [...typed, 'maxFeePerGas', 'maxPriorityFeePerGas'];

/** The fields that are signed, by transaction type. */
const signedFields = [
  [...call, 'gasPrice', 'v', ...signature],
  [...typed, 'gasPrice'],
  dynamicFee,
  [...dynamicFee, 'maxFeePerBlobGas', 'blobVersionedHashes'],
  [...dynamicFee, 'authorizationList'],
];

const transactions = recordedBlocks.flatMap((recorded) => recorded.transactions);
const cases = signedFields.flatMap((fields, type) => {
  const transaction = transactions.find((tx) => Number(tx.type) === type && tx['to'] !== null)!;
  return fields.map((field) => ({ type, field, transaction }));
});

const blockWith = (transaction: Json): Json => ({
  ...block,
  transactions: [{ ...transaction, transactionIndex: '0x0' }],
});

/** Another value of the same kind. */
function changed(value: unknown): unknown {
  if (Array.isArray(value))
    return value.length > 0 ? [] : [{ address: `0x${'00'.repeat(20)}`, storageKeys: [] }];
  if (value === '0x') return '0x00';
  return String(value).replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
}

describe('a transaction', () => {
  it.each(cases)('of type $type without $field is refused', ({ field, transaction }) => {
    const error = errorOf(blockWith({ ...transaction, [field]: undefined }));
    expect(error).toMatchObject({ code: 'invalid-field', blockNumber: 2n, transactionIndex: 0 });
    expect([field, 'yParity']).toContain(error.field);
    expect(error.message).toContain('block 2, transaction 0, field ');
    expect(error.message).toContain('it is missing');
  });

  it.each(cases)('of type $type with another $field is refused', ({ field, transaction }) => {
    const error = errorOf(blockWith({ ...transaction, [field]: changed(transaction[field]) }));
    expect(error).toMatchObject({
      code: 'hash-mismatch',
      blockNumber: 2n,
      transactionIndex: 0,
      field: 'hash',
    });
  });

  it('with a field that is no hex is refused, with what stands there', () => {
    const error = errorOf(blockWith({ ...block.transactions[0], gas: 21000 }));
    expect(error).toMatchObject({ code: 'invalid-field', field: 'gas' });
    expect(error.message).toBe(
      'block 2, transaction 0, field gas: it must be a quantity (0x and hex digits), not 21000',
    );
  });

  it('with a wrong field deep inside is refused by its path', () => {
    const accessList = [{ address: `0x${'00'.repeat(20)}`, storageKeys: [`0x${'00'.repeat(32)}`, '0x1'] }];
    const transaction = transactions.find(({ type }) => type === '0x1');
    expect(errorOf(blockWith({ ...transaction, accessList }))).toMatchObject({
      code: 'invalid-field',
      field: 'accessList[0].storageKeys[1]',
    });
  });

  it('without a hash is refused', () => {
    const error = errorOf(blockWith({ ...block.transactions[0], hash: undefined }));
    expect(error).toMatchObject({ code: 'invalid-field', field: 'hash' });
  });

  it('of an unknown type is refused by its number', () => {
    const error = errorOf(blockWith({ ...block.transactions[0], type: '0x7e' }));
    expect(error).toMatchObject({ code: 'unknown-transaction-type', field: 'type' });
    expect(error.message).toBe('block 2, transaction 0, field type: type 126 is not known; types 0 to 4 are');
  });

  it('that is only a hash is refused, with the way to ask for all of it', () => {
    const error = errorOf({ ...block, transactions: block.transactions.map(({ hash }) => hash) });
    expect(error).toMatchObject({ code: 'invalid-field', transactionIndex: 0 });
    expect(error.message).toContain('eth_getBlockByNumber with true');
  });

  it('that stands in another place than it says is refused', () => {
    const error = errorOf({ ...block, transactions: block.transactions.toReversed() });
    expect(error).toMatchObject({ code: 'invalid-field', transactionIndex: 0, field: 'transactionIndex' });
  });
});

describe('a block', () => {
  it.each([null, undefined, 'text', 5, []])('that is %j is refused', (value) => {
    expect(errorOf(value)).toMatchObject({ code: 'invalid-field', blockNumber: undefined });
  });

  it.each(['number', 'timestamp', 'hash', 'stateRoot', 'miner', 'gasLimit', 'transactions'])(
    'without %s is refused',
    (field) => {
      const error = errorOf({ ...block, [field]: undefined });
      expect(error).toMatchObject({ code: 'invalid-field', field, transactionIndex: undefined });
      expect(error.message).toContain('it is missing');
    },
  );

  it.each([
    { field: 'number', bits: 64 },
    { field: 'timestamp', bits: 64 },
    { field: 'gasLimit', bits: 64 },
    { field: 'batchNumber', bits: 64 },
    { field: 'l1InfoTreeIndex', bits: 32 },
  ])('with a $field of more than $bits bits is refused', ({ field, bits }) => {
    const error = errorOf({ ...block, [field]: `0x1${'0'.repeat(bits / 4)}` });
    expect(error).toMatchObject({ code: 'invalid-field', field });
    expect(error.message).toContain(`${bits} bits`);
  });

  it('from before the block before it is refused', () => {
    const previous = { ...recordedBlocks[0]!, timestamp: '0xffffffff' };
    expect(errorOf(block, previous)).toMatchObject({
      code: 'invalid-field',
      field: 'timestamp',
      blockNumber: 2n,
    });
  });
});
