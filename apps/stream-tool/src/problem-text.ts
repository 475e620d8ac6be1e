/** A problem of a file in one line: where, which entries, what. */

import type { StreamFileProblem } from '@ds/stream-file';
import { rangeText } from './text.js';

export function problemText({ file, offset, firstEntry, lastEntry, message }: StreamFileProblem): string {
  const place = offset === undefined ? '' : ` at offset ${offset}`;
  const entries =
    firstEntry === undefined || lastEntry === undefined ? '' : ` (${rangeText(firstEntry, lastEntry)})`;
  return `${file}${place}${entries}: ${message}`;
}
