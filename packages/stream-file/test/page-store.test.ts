// Goal: while the stream is being cut, readers may still load what is going, but nothing of it is remembered: the stream may
// grow over it with other entries. Method: a store over a file and a directory in memory.
import { describe, expect, it } from 'vitest';
import { encodeEntry } from '@ds/codec';
import type { DiskFile } from '../src/index.js';
import { Geometry } from '../src/pages/geometry.js';
import type { PageRow } from '../src/pages/page-directory.js';
import { PageStore } from '../src/pages/page-store.js';

const PAGE_BYTES = 64;
const HEADER_BYTES = 4096;

/** Three full pages of one entry each. */
function threePages() {
  const content = new Uint8Array(HEADER_BYTES + 3 * PAGE_BYTES);
  for (let page = 0; page < 3; page++) {
    const entry = encodeEntry({ type: 1, number: BigInt(page), data: new Uint8Array(PAGE_BYTES - 17) });
    content.set(entry, HEADER_BYTES + page * PAGE_BYTES);
  }
  const file = {
    read: (offset: number, into: Uint8Array) => {
      into.set(content.subarray(offset, offset + into.length));
      return Promise.resolve(into.length);
    },
  } as Partial<DiskFile> as DiskFile;
  const described = new Map<number, PageRow>();
  const directory = {
    row: (index: number) => described.get(index),
    put: (index: number, row: PageRow) => void described.set(index, row),
  };
  const where = { path: 'stream.bin', geometry: new Geometry(PAGE_BYTES) };
  const store = new PageStore(file, where, directory, { pages: 8, verifyIntervalMs: 0 });
  store.advance({ length: content.length, entries: 3 });
  return { store, described };
}

describe('While the stream is cut in page 1', () => {
  it('what is loaded from there on is not described', async () => {
    const { store, described } = threePages();
    store.beginCut(1);
    for (const index of [0, 1, 2]) await store.get(index);
    expect([...described.keys()]).toEqual([0]);
  });

  it('and is described again once that is done', async () => {
    const { store, described } = threePages();
    store.beginCut(1);
    store.cut({ length: HEADER_BYTES + PAGE_BYTES, entries: 1 }, undefined);
    store.advance({ length: HEADER_BYTES + 3 * PAGE_BYTES, entries: 3 });
    for (const index of [0, 1, 2]) await store.get(index);
    expect([...described.keys()]).toEqual([0, 1, 2]);
  });
});
