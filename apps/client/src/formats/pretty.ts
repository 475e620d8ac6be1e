/** Lines for people: an entry's number, what it is, and its fields; the data in hexadecimal where nothing is known. */

import pc from 'picocolors';
import type { Entry } from '@ds/codec';
import type { Format } from './format.js';
import { hex } from './hex.js';
import { PayloadDecoder } from './payload-decoder.js';
import { payloadText } from './payload-text.js';

/** Where the lines are shown. */
export interface Screen {
  /** Width in characters; undefined where lines may be of any length, as in a file. */
  readonly columns: number | undefined;
  readonly color: boolean;
}

const NUMBER_WIDTH = 9;
const KIND_WIDTH = 11;
const GAP = '  ';
/** Longest byte field that is shown whole on a screen: an address. */
const WHOLE_BYTES_MAX = 20;
const SHOWN_BYTES = 4;

/** A format that learns as it goes which payloads a stream has: use one for one stream. */
export function pretty({ columns, color }: Screen): Format {
  const colors = pc.createColors(color);
  const decoder = new PayloadDecoder();
  const writeBytes = columns === undefined ? hex : shortHex;

  const line = (entry: Entry): string => {
    const payload = decoder.decode(entry);
    const number = entry.number.toString().padStart(NUMBER_WIDTH);
    const kind = (payload?.kind ?? `type ${entry.type}`).padEnd(KIND_WIDTH);
    const room = columns === undefined ? Infinity : columns - number.length - kind.length - 2 * GAP.length;
    const text = payload ? payloadText(payload, writeBytes) : dataText(entry.data, room);
    const written = `${colors.dim(number)}${GAP}${colors.cyan(kind)}${GAP}${cut(text, room)}`;
    return `${color ? written : written.trimEnd()}\n`;
  };

  return {
    header: ({ systemId, streamType, version, totalLength, totalEntries }) =>
      Object.entries({
        'system id': systemId,
        'stream type': streamType,
        version,
        entries: totalEntries,
        bytes: totalLength,
      })
        .map(([name, value]) => `${colors.cyan(name.padEnd(KIND_WIDTH))}${GAP}${value}\n`)
        .join(''),
    entry: line,
    batch(batch) {
      let lines = '';
      for (const entry of batch) lines += line(entry);
      return lines;
    },
  };
}

/** Data in hexadecimal, no more of it than there is room for. */
function dataText(data: Uint8Array, room: number): string {
  if (data.length === 0) return '';
  return hex(data.subarray(0, Math.max(1, room)));
}

function shortHex(bytes: Uint8Array): string {
  if (bytes.length <= WHOLE_BYTES_MAX) return hex(bytes);
  return `${hex(bytes.subarray(0, SHOWN_BYTES))}…${hex(bytes.subarray(-SHOWN_BYTES)).slice(2)}`;
}

function cut(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}…`;
}
