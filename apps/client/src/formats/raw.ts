/** The bytes as they are on the wire and in the file: streamed entries are passed on without being looked at. */

import { encodeEntry, encodeHeader } from '@ds/codec';
import type { Format } from './format.js';

export const raw: Format = {
  header: (header) => encodeHeader(header),
  entry: (entry) => encodeEntry(entry),
  batch: ({ bytes }) => bytes,
};
