/** What was wrong with an entry, or with a value that was to become one. */
export type ZkevmErrorCode =
  /** The entry type is none of this style's. */
  | 'unknown-entry-type'
  /** The bytes are not what this entry type holds. */
  | 'malformed'
  /** A value does not fit the field it was meant for. */
  | 'invalid-value';

/** Where an error was found. */
export interface ZkevmErrorPlace {
  /** The entry type that was being decoded or encoded. */
  readonly entryType: number;
  /** Where in the entry's data the field begins that could not be read; not set when encoding. */
  readonly offset?: number;
  /** The field, by its name in the payload's published layout. */
  readonly field?: string;
  readonly cause?: unknown;
}

/** The one error class of this package. */
export class ZkevmError extends Error {
  override readonly name = 'ZkevmError';
  readonly code: ZkevmErrorCode;
  readonly entryType: number;
  readonly offset: number | undefined;
  readonly field: string | undefined;

  constructor(code: ZkevmErrorCode, problem: string, { entryType, offset, field, cause }: ZkevmErrorPlace) {
    const where = [
      `entry type ${entryType}`,
      ...(field === undefined ? [] : [`field ${field}`]),
      ...(offset === undefined ? [] : [`offset ${offset}`]),
    ].join(', ');
    super(`${where}: ${problem}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.entryType = entryType;
    this.offset = offset;
    this.field = field;
  }
}
