/** Lines out of chunks of bytes, each with its number, in memory that a single line bounds. */

import { describeError, InputError } from './errors.js';
import { formatSizeBytes } from './text-forms.js';

const NEWLINE = 0x0a;

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/**
 * The lines that are not blank. The last one needs no newline.
 *
 * @throws {InputError} for a line of over `bytesMax` bytes or one that is no UTF-8, by its number
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Line, void, undefined> {
  let number = 1;
  let parts: Uint8Array[] = [];
  let length = 0;
  const keep = (part: Uint8Array): void => {
    length += part.length;
    if (length > bytesMax) {
      throw lineError(number, `it is longer than ${formatSizeBytes(bytesMax)}; see --line-max`);
    }
    parts.push(part);
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      keep(chunk.subarray(start, end));
      const text = decode(parts, number);
      if (text.trim() !== '') yield { number, text };
      start = end + 1;
      number++;
      parts = [];
      length = 0;
    }
    keep(chunk.subarray(start));
  }
  const text = decode(parts, number);
  if (text.trim() !== '') yield { number, text };
}

/**
 * Reads a line as JSON, and gives what `read` makes of it.
 *
 * @throws {InputError} what is wrong, with the line's number
 */
export function readLine<T>({ number, text }: Line, read: (json: unknown) => T): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw lineError(number, `it is no JSON: ${describeError(cause)}`, cause);
  }
  try {
    return read(json);
  } catch (cause) {
    throw lineError(number, describeError(cause), cause);
  }
}

function decode(parts: readonly Uint8Array[], number: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch (cause) {
    throw lineError(number, 'it is no UTF-8', cause);
  }
}

function lineError(number: number, problem: string, cause?: unknown): InputError {
  return new InputError(`line ${number}: ${problem}`, { cause });
}
