/**
 * The last page of a file that was closed cleanly. As it is not full, the page directory says nothing of it while the file
 * is written to; at the close it is described, too, and at the next open compared with that.
 */
import type { CommitRecord } from '../commits/header-page.js';
import type { Disk, DiskFile } from '../disk/disk.js';
import { PageDirectory } from './page-directory.js';
import { Page, type PageLocation } from './page.js';

/**
 * Compares the last page with what it held when the file was closed, if that is known. Changes nothing.
 * @throws {StreamFileError} `damaged`
 */
export async function verifyLastPage(
  disk: Disk,
  file: DiskFile,
  where: PageLocation,
  { end, session }: CommitRecord,
): Promise<void> {
  const { path, geometry } = where;
  const index = geometry.pageOf(end.length);
  const page = new Page(index, new Uint8Array(geometry.pageBytes));
  const directory = await PageDirectory.open(disk, path, geometry, session);
  const row = directory.row(index);
  await directory.close();
  if (!row) return;
  const used = page.bytes.subarray(0, geometry.offsetInPage(end.length));
  page.filled = await file.read(geometry.pageStart(index), used);
  page.verify(row, where);
}
