/** What was wrong with a JSON-RPC block. */
export type BlockErrorCode =
  /** A field is missing or holds something else than a block or transaction has there. */
  | 'invalid-field'
  /** A transaction of a type that cannot be rebuilt. */
  | 'unknown-transaction-type'
  /** A transaction rebuilt from the JSON is not the one whose hash stands there. */
  | 'hash-mismatch';

/** Which block, transaction and field an error is about; what is not known is left out. */
export interface BlockErrorPlace {
  readonly blockNumber?: bigint | undefined;
  /** The transaction's place in the block, from 0. */
  readonly transactionIndex?: number | undefined;
  /** The path of the field in the block or transaction, `accessList[0].address` say. */
  readonly field?: string | undefined;
}

/** A JSON-RPC block that cannot be made into stream entries. */
export class BlockError extends Error {
  override readonly name = 'BlockError';
  readonly code: BlockErrorCode;
  readonly blockNumber: bigint | undefined;
  readonly transactionIndex: number | undefined;
  readonly field: string | undefined;

  constructor(
    code: BlockErrorCode,
    problem: string,
    { blockNumber, transactionIndex, field }: BlockErrorPlace,
  ) {
    const where = [
      blockNumber === undefined ? 'block' : `block ${String(blockNumber)}`,
      ...(transactionIndex === undefined ? [] : [`transaction ${transactionIndex}`]),
      ...(field === undefined ? [] : [`field ${field}`]),
    ].join(', ');
    super(`${where}: ${problem}`);
    this.code = code;
    this.blockNumber = blockNumber;
    this.transactionIndex = transactionIndex;
    this.field = field;
  }
}
