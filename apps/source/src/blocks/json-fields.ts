/**
 * The kinds of fields in JSON-RPC objects, as zod schemas, and how one that does not fit is reported. A schema's
 * error text says what the field must be.
 */
import { hexToBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { BlockError, type BlockErrorPlace } from './block-error.js';

/** A quantity, `0x` and hex digits, as a bigint. Leading zeros are allowed: some nodes write them. */
export const quantity = hexString(/^0x[0-9a-f]+$/i, 'a quantity (0x and hex digits)').transform(BigInt);

/** Bytes of any length. */
export const bytes = byteString(/^0x([0-9a-f]{2})*$/i, 'bytes (0x and two hex digits a byte)');

/** 32 bytes. */
export const hash = byteString(/^0x[0-9a-f]{64}$/i, '32 bytes (0x and 64 hex digits)');

/** 20 bytes. */
export const address = byteString(/^0x[0-9a-f]{40}$/i, 'an address (0x and 40 hex digits)');

/** A list of items of one kind. */
export const list = <T extends z.ZodType>(item: T): z.ZodArray<T> => z.array(item, { error: 'a list' });

/** An object with these fields; others are passed over. */
export const record = <T extends z.ZodRawShape>(shape: T): z.ZodObject<T> =>
  z.object(shape, { error: 'an object' });

/**
 * Reads a JSON value by its schema.
 * @throws BlockError `invalid-field`, naming the first field that does not fit
 */
export function readJson<T extends z.ZodType>(schema: T, json: unknown, place: BlockErrorPlace): z.output<T> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path ?? [];
  const value = path.reduce<unknown>((parent, key) => (parent as Record<PropertyKey, unknown>)[key], json);
  const problem =
    value === undefined ? 'it is missing' : `it must be ${issue?.message ?? ''}, not ${excerpt(value)}`;
  throw new BlockError('invalid-field', problem, {
    ...place,
    ...(path.length > 0 && { field: pathText(path) }),
  });
}

function hexString(pattern: RegExp, error: string): z.ZodString {
  return z.string({ error }).regex(pattern, { error });
}

function byteString(
  pattern: RegExp,
  error: string,
): z.ZodPipe<z.ZodString, z.ZodTransform<Uint8Array, string>> {
  return hexString(pattern, error).transform((text): Uint8Array => hexToBytes(text.slice(2)));
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

function excerpt(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
