/**
 * Rebuilds a transaction's raw signed bytes from its JSON-RPC form. JSON-RPC has no field for them, but every
 * signed field is there, and the hash proves that they were put together right.
 */
import { type Input, RLP } from '@ethereumjs/rlp';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { BlockError, type BlockErrorPlace } from './block-error.js';
import { address, bytes, hash, list, quantity, readJson, record } from './json-fields.js';

/**
 * The signed transaction: RLP for type 0, the EIP-2718 envelope for types 1 to 4. A blob transaction (type 3) is
 * in the form that stands in blocks, without its blobs.
 * @param json one item of a block's `transactions`
 * @param place the block and the transaction's place in it, for errors
 * @throws BlockError
 */
export function rawTransaction(json: unknown, place: BlockErrorPlace): Uint8Array {
  const { type, hash: expected } = readJson(identity, json, place);
  const rebuild = rebuilders.get(type);
  if (rebuild === undefined) {
    const problem = `type ${String(type)} is not known; types 0 to 4 are`;
    throw new BlockError('unknown-transaction-type', problem, { ...place, field: 'type' });
  }
  const raw = rebuild(json, place);
  const actual = bytesToHex(keccak_256(raw));
  if (actual !== bytesToHex(expected)) {
    const problem = `it is 0x${bytesToHex(expected)}, but the fields make a transaction with 0x${actual}`;
    throw new BlockError('hash-mismatch', problem, { ...place, field: 'hash' });
  }
  return raw;
}

type Rebuild = (json: unknown, place: BlockErrorPlace) => Uint8Array;

/** The type is absent in the JSON of nodes from before EIP-2718. */
const identity = record({ hash, type: quantity.default(0n) });

const nullable = address.nullable().transform((to) => to ?? new Uint8Array());
const call = { nonce: quantity, gas: quantity, value: quantity, input: bytes };
const signature = { yParity: quantity, r: quantity, s: quantity };

const accessList = list(record({ address, storageKeys: list(hash) })).transform((items) =>
  items.map((item) => [item.address, item.storageKeys]),
);

const authorizationList = list(
  z.preprocess(withParity, record({ chainId: quantity, address, nonce: quantity, ...signature })),
).transform((items) =>
  items.map((item) => [item.chainId, item.address, item.nonce, item.yParity, item.r, item.s]),
);

const typed = { chainId: quantity, ...call, accessList, ...signature };
const dynamicFee = { ...typed, maxPriorityFeePerGas: quantity, maxFeePerGas: quantity };

/** By transaction type: the JSON fields that were signed, and their order in the RLP list. */
const rebuilders = new Map<bigint, Rebuild>([
  [
    0n,
    (json, place) => {
      // `v` tells EIP-155 (35 and up, with the chain id in it) from what came before (27 and 28): it goes in as it is.
      const shape = record({
        ...call,
        to: nullable,
        gasPrice: quantity,
        v: quantity,
        r: quantity,
        s: quantity,
      });
      const tx = readJson(shape, json, place);
      return RLP.encode([
        ...[tx.nonce, tx.gasPrice, tx.gas, tx.to, tx.value, tx.input],
        ...[tx.v, tx.r, tx.s],
      ]);
    },
  ],
  [
    1n,
    envelope(1, record({ ...typed, to: nullable, gasPrice: quantity }), (tx) => [
      ...[tx.chainId, tx.nonce, tx.gasPrice, tx.gas, tx.to, tx.value, tx.input, tx.accessList],
      ...[tx.yParity, tx.r, tx.s],
    ]),
  ],
  [
    2n,
    envelope(2, record({ ...dynamicFee, to: nullable }), (tx) => [
      ...[tx.chainId, tx.nonce, tx.maxPriorityFeePerGas, tx.maxFeePerGas, tx.gas, tx.to, tx.value, tx.input],
      ...[tx.accessList, tx.yParity, tx.r, tx.s],
    ]),
  ],
  [
    3n,
    envelope(
      3,
      record({ ...dynamicFee, to: address, maxFeePerBlobGas: quantity, blobVersionedHashes: list(hash) }),
      (tx) => [
        ...[
          tx.chainId,
          tx.nonce,
          tx.maxPriorityFeePerGas,
          tx.maxFeePerGas,
          tx.gas,
          tx.to,
          tx.value,
          tx.input,
        ],
        ...[tx.accessList, tx.maxFeePerBlobGas, tx.blobVersionedHashes, tx.yParity, tx.r, tx.s],
      ],
    ),
  ],
  [
    4n,
    envelope(4, record({ ...dynamicFee, to: address, authorizationList }), (tx) => [
      ...[tx.chainId, tx.nonce, tx.maxPriorityFeePerGas, tx.maxFeePerGas, tx.gas, tx.to, tx.value, tx.input],
      ...[tx.accessList, tx.authorizationList, tx.yParity, tx.r, tx.s],
    ]),
  ],
]);

/** A typed transaction: its type's byte, then the RLP list of its fields. */
function envelope<T extends z.ZodType>(
  type: number,
  shape: T,
  fields: (tx: z.output<T>) => Input[],
): Rebuild {
  return (json, place) => {
    const list = RLP.encode(fields(readJson(shape, withParity(json), place)));
    const raw = new Uint8Array(1 + list.length);
    raw[0] = type;
    raw.set(list, 1);
    return raw;
  };
}

/** Nodes give the parity of a typed signature as `yParity`, as `v`, or as both. */
function withParity(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || 'yParity' in json || !('v' in json)) return json;
  return { ...json, yParity: json.v };
}
