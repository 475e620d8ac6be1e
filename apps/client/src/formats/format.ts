/** How what comes from a server is written to stdout. */

import type { Entry, EntryBatch, Header } from '@ds/codec';

export const formatNames = ['pretty', 'json', 'raw'] as const;
export type FormatName = (typeof formatNames)[number];

/** Text or bytes for stdout, line ends included. */
export type Output = string | Uint8Array;

/** A way to write headers and entries. Entries are given in stream order. */
export interface Format {
  header(header: Header): Output;
  entry(entry: Entry): Output;
  batch(batch: EntryBatch): Output;
}
