/**
 * The payloads of protobuf streams, as plain objects told apart by `kind`.
 *
 * 64-bit integers are `bigint`; 32-bit integers are checked numbers. Byte fields of a decoded payload are views
 * of the entry's data, empty when the writer left them out. Enumerations are open: a number that this package
 * has no name for is kept as it is.
 */

/** Entry type 176: a key under which the entry after it can be found. */
export interface Bookmark {
  readonly kind: 'bookmark';
  /** One of `BookmarkType`. */
  readonly type: number;
  /** The number of the batch or block. */
  readonly value: bigint;
}

/** Entry type 1: opens a batch. */
export interface BatchStart {
  readonly kind: 'batchStart';
  readonly number: bigint;
  /** One of `BatchType`. */
  readonly type: number;
  readonly forkId: bigint;
  readonly chainId: bigint;
  /** A note of the writer's for people who debug; undefined when there is none. */
  readonly debug?: string | undefined;
}

/** Entry type 4: closes a batch. */
export interface BatchEnd {
  readonly kind: 'batchEnd';
  readonly number: bigint;
  readonly localExitRoot: Uint8Array;
  readonly stateRoot: Uint8Array;
  readonly debug?: string | undefined;
}

/** Entry type 2: opens a block, whose transactions follow. */
export interface L2Block {
  readonly kind: 'l2Block';
  readonly number: bigint;
  readonly batchNumber: bigint;
  /** Seconds since 1970. */
  readonly timestamp: bigint;
  /** Seconds since the block before. */
  readonly deltaTimestamp: number;
  readonly minTimestamp: bigint;
  readonly l1BlockHash: Uint8Array;
  readonly l1InfoTreeIndex: number;
  readonly hash: Uint8Array;
  readonly stateRoot: Uint8Array;
  readonly globalExitRoot: Uint8Array;
  readonly coinbase: Uint8Array;
  readonly blockGasLimit: bigint;
  readonly blockInfoRoot: Uint8Array;
  /** Wei as a big-endian integer without leading zeros; empty from nodes that do not write it. */
  readonly baseFee: Uint8Array;
  readonly debug?: string | undefined;
}

/** Entry type 6: closes a block. */
export interface L2BlockEnd {
  readonly kind: 'l2BlockEnd';
  readonly number: bigint;
}

/** Entry type 3: a transaction of the block before it. */
export interface Transaction {
  readonly kind: 'transaction';
  readonly l2BlockNumber: bigint;
  /** Its place in the block, from 0. */
  readonly index: bigint;
  readonly isValid: boolean;
  /** The signed transaction: RLP, or an EIP-2718 typed envelope. */
  readonly encoded: Uint8Array;
  /** The share of the gas price that is charged: 0 is 1/256 of it, 255 the whole. */
  readonly effectiveGasPricePercentage: number;
  /** The state root after this transaction. */
  readonly imStateRoot: Uint8Array;
  readonly debug?: string | undefined;
}

/** Entry type 5: a new global exit root, between blocks. */
export interface UpdateGer {
  readonly kind: 'updateGer';
  readonly batchNumber: bigint;
  /** Seconds since 1970. */
  readonly timestamp: bigint;
  readonly globalExitRoot: Uint8Array;
  readonly coinbase: Uint8Array;
  readonly forkId: bigint;
  readonly chainId: bigint;
  readonly stateRoot: Uint8Array;
  readonly debug?: string | undefined;
}

/** Any payload of a protobuf stream. */
export type Payload = Bookmark | BatchStart | BatchEnd | L2Block | L2BlockEnd | Transaction | UpdateGer;

type Init<T extends { kind: string }> = T extends unknown
  ? Pick<T, 'kind'> & { readonly [K in Exclude<keyof T, 'kind'>]?: T[K] | undefined }
  : never;

/** A payload to encode. A field that is left out or undefined is zero or empty, as everywhere in protobuf. */
export type PayloadInit = Init<Payload>;

/** What `encodePayload` makes: the type and the data of one stream entry. */
export interface EncodedEntry {
  readonly type: number;
  readonly data: Uint8Array;
}
