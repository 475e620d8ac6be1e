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
