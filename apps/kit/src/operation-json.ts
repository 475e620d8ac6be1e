/**
 * The JSON form of an operation: `{"entries":[{"bookmark":"0x.."},{"type":1,"data":"0x.."}],"rollback":false}`. `ds-source` reads
 * it, `ds-stream` reads and writes it.
 */

import { z } from 'zod';
import { BOOKMARK_ENTRY_TYPE, checkBookmark, checkEntry, type Entry } from '@ds/codec';
import { InputError } from './errors.js';
import { formatHex } from './text-forms.js';

/** One entry of an operation, before it has a number. */
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

/** An atomic operation. */
export interface Operation {
  readonly entries: readonly OperationEntry[];
  /** It is rolled back where others are committed: nothing of it reaches the stream. */
  readonly rollback: boolean;
}

const entryForm = '{"bookmark":"0x.."} or {"type":1,"data":"0x.."}';

const bytes = z.string('expected bytes as 0x and hex digits').transform((text, context): Uint8Array => {
  // Decoding stops at the first thing that is no pair of digits.
  const decoded = Buffer.from(text.slice(2), 'hex');
  if (text.startsWith('0x') && decoded.length * 2 === text.length - 2) return decoded;
  const message = 'expected bytes as 0x and two hex digits a byte';
  context.issues.push({ code: 'custom', message, input: text });
  return z.NEVER;
});

const entryShape = z.strictObject(
  {
    bookmark: bytes.optional(),
    type: z.int('expected an integer').optional(),
    data: bytes.optional(),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? `expected ${entryForm}` : undefined) },
);

const entry = entryShape.transform((given, context): OperationEntry => {
  const problem = problemOf(given);
  if (problem !== undefined) context.issues.push({ code: 'custom', message: problem, input: given });
  const { bookmark, type = 0, data = new Uint8Array(0) } = given;
  return bookmark ? { bookmark } : { type, data };
});

const operation = z.strictObject({
  entries: z.array(entry, 'expected a list of entries'),
  rollback: z.boolean('expected true or false').default(false),
});

/**
 * Reads an operation. An operation that is returned has only entries that a stream can hold.
 *
 * @throws {InputError} naming the first field that is wrong
 */
export function readOperation(json: unknown): Operation {
  const result = operation.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = (issue?.path ?? [])
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
  throw new InputError(`${path === '' ? 'the operation' : path}: ${issue?.message ?? 'wrong'}`);
}

/** Stored entries as the line of an operation. */
export function operationLine(entries: readonly Pick<Entry, 'type' | 'data'>[]): string {
  const written = entries.map(({ type, data }) =>
    type === BOOKMARK_ENTRY_TYPE ? { bookmark: formatHex(data) } : { type, data: formatHex(data) },
  );
  return `${JSON.stringify({ entries: written })}\n`;
}

/** Why these fields make no entry. */
function problemOf({ bookmark, type, data }: z.output<typeof entryShape>): string | undefined {
  try {
    if (bookmark && type === undefined && data === undefined) {
      checkBookmark(bookmark);
      return undefined;
    }
    if (bookmark || type === undefined || data === undefined) return `expected ${entryForm}`;
    checkEntry(type, data);
  } catch (error) {
    return (error as Error).message;
  }
  if (type === BOOKMARK_ENTRY_TYPE) return `type ${type} is a bookmark's: write {"bookmark":"0x.."}`;
  return undefined;
}
