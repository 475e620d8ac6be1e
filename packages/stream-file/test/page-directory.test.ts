// Goal: what the page directory says on the disk is what it was told last. Method: a simulated disk that takes its time.
import { expect, it } from 'vitest';
import { Geometry } from '../src/pages/geometry.js';
import { PageDirectory, type PageRow } from '../src/pages/page-directory.js';
import { SimulatedDisk } from './simulated-disk.js';

const path = '/data/stream.bin';
const SESSION = 7n;

function rowOf(firstEntry: number): PageRow {
  return { firstEntry, entries: 1, end: 20, blocks: [{ offset: 0, entriesBefore: 0, crc: firstEntry }] };
}

function open(disk: SimulatedDisk): Promise<PageDirectory> {
  return PageDirectory.open(disk, path, new Geometry(64), SESSION);
}

it('a row that is put again while it is written is written again', async () => {
  const disk = new SimulatedDisk();
  const directory = await open(disk);
  await directory.cut(0, SESSION);
  disk.delay = () => new Promise(setImmediate);
  directory.put(1, rowOf(10));
  directory.put(2, rowOf(20));
  directory.put(1, rowOf(11));
  await directory.close();
  const again = await open(disk);
  expect([again.row(1), again.row(2)]).toEqual([rowOf(11), rowOf(20)]);
  await again.close();
});
