/** Lines of a file or of stdin, each with its number, in memory that a single line bounds. */

import { createReadStream } from 'node:fs';
import { addAbortSignal } from 'node:stream';
import { describeError, formatSizeBytes } from '@ds/app-kit';
import { StreamToolError } from './errors.js';

const NEWLINE = 0x0a;

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/**
 * The lines that are not blank, of a file, or of stdin for `-`. The last one needs no newline.
 *
 * @throws {StreamToolError} `bad-line` for a line of over `bytesMax` bytes or one that is no UTF-8; `not-there`
 */
export async function* linesOf(
  path: string,
  bytesMax: number,
  signal: AbortSignal,
): AsyncGenerator<Line, void, undefined> {
  let number = 1;
  let parts: Uint8Array[] = [];
  let length = 0;
  const keep = (part: Uint8Array): void => {
    length += part.length;
    if (length > bytesMax) {
      throw new StreamToolError(
        'bad-line',
        `line ${number} is longer than ${formatSizeBytes(bytesMax)}; see --line-max`,
      );
    }
    parts.push(part);
  };
  for await (const chunk of chunksOf(path, signal)) {
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

async function* chunksOf(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const stream = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 20 });
  try {
    for await (const chunk of addAbortSignal(signal, stream)) yield chunk as Uint8Array;
  } catch (cause) {
    signal.throwIfAborted();
    throw new StreamToolError('not-there', `can't read ${path}: ${describeError(cause)}`, { cause });
  }
}

function decode(parts: readonly Uint8Array[], number: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch (cause) {
    throw new StreamToolError('bad-line', `line ${number} is no UTF-8`, { cause });
  }
}
