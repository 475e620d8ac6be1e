/** A payload's fields in one line of text, safe to print on a terminal. */

import { BatchType, BookmarkType, type LegacyPayload, type Payload } from '@ds/zkevm';

/** How a byte field is written. */
export type WriteBytes = (bytes: Uint8Array) => string;

type FieldValue = bigint | number | boolean | string | Uint8Array | undefined;

/** `name=value` for each field that is set, in the order of the payload. */
export function payloadText(payload: Payload | LegacyPayload, writeBytes: WriteBytes): string {
  return Object.entries<FieldValue>({ ...payload })
    .filter(([name]) => name !== 'kind')
    .map(([name, value]) => [name, fieldText(payload.kind, name, value, writeBytes)])
    .filter(([, text]) => text !== '')
    .map(([name, text]) => `${name}=${text}`)
    .join(' ');
}

function fieldText(kind: string, name: string, value: FieldValue, writeBytes: WriteBytes): string {
  if (value === undefined) return '';
  if (value instanceof Uint8Array) {
    if (value.length === 0) return '';
    return name === 'baseFee' ? BigInt(writeWhole(value)).toString() : writeBytes(value);
  }
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'bigint' && (name === 'timestamp' || name === 'minTimestamp')) return timeText(value);
  if (typeof value === 'number' && name === 'type') {
    return nameOf(kind === 'bookmark' ? BookmarkType : BatchType, value);
  }
  return String(value);
}

function writeWhole(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

/** A date and time in UTC; the number where it is 0 or further than dates go. */
function timeText(seconds: bigint): string {
  const LAST_DATE_SECONDS = 8_640_000_000_000n;
  if (seconds === 0n || seconds > LAST_DATE_SECONDS) return seconds.toString();
  return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');
}

function nameOf(names: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(names).find((name) => names[name] === value) ?? String(value);
}

/** In quotes, with everything escaped that a terminal could take for more than a character. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
