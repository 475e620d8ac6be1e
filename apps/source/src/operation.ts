/** What all inputs are made into: operations for a source to send. */

/** One entry of an operation, before the server numbers it. */
export type OperationEntry =
  | {
      /** The bookmark's key, 1 to 16 bytes. */
      readonly bookmark: Uint8Array;
    }
  | {
      /** The entry type; what it means is up to the application. */
      readonly type: number;
      readonly data: Uint8Array;
    };

/** An atomic operation that was read from an input. */
export interface Operation {
  readonly entries: readonly OperationEntry[];
  /** It is rolled back where others are committed: nothing of it reaches the stream. */
  readonly rollback: boolean;
  /** Where it comes from, for messages: `line 17`. */
  readonly origin: string;
}
