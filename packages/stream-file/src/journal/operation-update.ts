/** What the checksum of an operation becomes when one of its entries is updated, without reading the operation. */
import { crc32 } from 'node:zlib';

import type { PageStore } from '../pages/page-store.js';
import { replacedCrc } from './checksums.js';
import type { FoundOperation } from './journal-records.js';

/** The checksum with the entry at `offset` replaced by one as long. */
export async function operationCrcAfter(
  { crc, endOffset }: FoundOperation,
  store: PageStore,
  offset: number,
  old: Uint8Array,
  replacement: Uint8Array,
): Promise<number> {
  const behind = await entryBytes(store, offset + old.length, endOffset);
  return replacedCrc(crc, crc32(old), crc32(replacement), behind);
}

/** Bytes of the entries between two offsets at which entries end, padding left out. */
async function entryBytes(store: PageStore, from: number, to: number): Promise<number> {
  const { location } = store;
  const { geometry } = location;
  let bytes = 0;
  for (let index = geometry.pageOf(from); geometry.pageStart(index) < to; index++) {
    const start = geometry.pageStart(index);
    const isLast = to < start + geometry.pageBytes;
    const end = isLast ? to - start : await entriesEnd(store, index);
    bytes += start + end - Math.max(start, from);
  }
  return bytes;
}

/** Where entries end in a full page. */
async function entriesEnd(store: PageStore, index: number): Promise<number> {
  const known = store.row(index)?.end;
  if (known !== undefined) return known;
  return (await store.get(index)).entriesEnd(store.limit(index), store.location);
}
