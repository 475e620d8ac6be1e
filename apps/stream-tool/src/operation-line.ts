/** The JSON form of an operation: `{"entries":[{"bookmark":"0x.."},{"type":1,"data":"0x.."}]}`, as `ds-source` reads it. */

import { formatHex } from '@ds/app-kit';
import { BOOKMARK_ENTRY_TYPE, checkBookmark, checkEntry, type Entry } from '@ds/codec';

/** An entry of an operation: a bookmark, or data of a type. */
type OperationEntry =
  { readonly bookmark: Uint8Array } | { readonly type: number; readonly data: Uint8Array };

/** An operation as it was read. */
export interface Operation {
  readonly entries: readonly OperationEntry[];
  /** Nothing of it is to reach the stream. */
  readonly rollback: boolean;
}

const ENTRY_FORM = '{"bookmark":"0x.."} or {"type":1,"data":"0x.."}';

/** Entries as one line. */
export function operationLine(entries: readonly Pick<Entry, 'type' | 'data'>[]): string {
  const written = entries.map(({ type, data }) =>
    type === BOOKMARK_ENTRY_TYPE ? { bookmark: formatHex(data) } : { type, data: formatHex(data) },
  );
  return `${JSON.stringify({ entries: written })}\n`;
}

/**
 * Reads a line. What is returned has only entries that a stream can hold.
 *
 * @throws {Error} with what is wrong, and where in the line
 */
export function readOperationLine(text: string): Operation {
  const json: unknown = JSON.parse(text);
  const { entries, rollback = false } = recordOf(json, ['entries', 'rollback'], 'the operation');
  if (!Array.isArray(entries)) throw new TypeError('entries: expected a list of entries');
  if (typeof rollback !== 'boolean') throw new TypeError('rollback: expected true or false');
  return { entries: entries.map((entry, index) => readEntry(entry, `entries[${index}]`)), rollback };
}

function readEntry(json: unknown, place: string): OperationEntry {
  const { bookmark, type, data } = recordOf(json, ['bookmark', 'type', 'data'], place);
  if (bookmark !== undefined && type === undefined && data === undefined) {
    const key = bytesOf(bookmark, `${place}.bookmark`);
    checked(() => {
      checkBookmark(key);
    }, place);
    return { bookmark: key };
  }
  if (bookmark !== undefined || typeof type !== 'number')
    throw new TypeError(`${place}: expected ${ENTRY_FORM}`);
  if (type === BOOKMARK_ENTRY_TYPE)
    throw new TypeError(`${place}: type ${type} is a bookmark's: write {"bookmark":"0x.."}`);
  const bytes = bytesOf(data, `${place}.data`);
  checked(() => {
    checkEntry(type, bytes);
  }, place);
  return { type, data: bytes };
}

function recordOf<K extends string>(
  json: unknown,
  keys: readonly K[],
  place: string,
): Partial<Record<K, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new TypeError(`${place}: expected an object`);
  const unknown = Object.keys(json).find((key) => !(keys as readonly string[]).includes(key));
  if (unknown !== undefined) throw new TypeError(`${place}: "${unknown}" is nothing it can have`);
  return json;
}

function bytesOf(value: unknown, place: string): Uint8Array {
  if (typeof value === 'string' && value.startsWith('0x')) {
    // Decoding stops at the first thing that is no pair of digits.
    const bytes = Buffer.from(value.slice(2), 'hex');
    if (bytes.length * 2 === value.length - 2) return bytes;
  }
  throw new TypeError(`${place}: expected bytes as 0x and two hex digits a byte`);
}

function checked(check: () => void, place: string): void {
  try {
    check();
  } catch (error) {
    throw new TypeError(`${place}: ${(error as Error).message}`, { cause: error });
  }
}
