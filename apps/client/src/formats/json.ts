/** One JSON object a line. 64-bit integers are decimal strings, as JSON's numbers lose digits above 2^53. */

import type { Entry } from '@ds/codec';
import type { Format } from './format.js';
import { hex } from './hex.js';

export const json: Format = {
  header: ({ systemId, streamType, version, totalLength, totalEntries }) =>
    `{"systemId":"${systemId}","streamType":"${streamType}","version":${version},` +
    `"totalLength":"${totalLength}","totalEntries":"${totalEntries}"}\n`,
  entry: line,
  batch(batch) {
    let lines = '';
    for (const entry of batch) lines += line(entry);
    return lines;
  },
};

function line({ number, type, data }: Entry): string {
  return `{"number":"${number}","type":${type},"data":"${hex(data)}"}\n`;
}
