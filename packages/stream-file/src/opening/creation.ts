/** Creates an empty stream file: under another name first, so that there is a whole one or none. Durable after `syncFolder`. */
import type { StreamIdentity } from '@ds/codec';

import { HeaderPage } from '../commits/header-page.js';
import type { Disk } from '../disk/disk.js';
import { HEADER_PAGE_BYTES, type Geometry } from '../pages/geometry.js';
import { newSession } from '../pages/page-directory.js';
import { unfinishedPath } from '../paths.js';

/** Pages that a file gets at first, and each time that it is full. They take no room until they are written to. */
const FIRST_PAGES = 100;
export const MORE_PAGES = 10;

export async function createStreamFile(
  disk: Disk,
  path: string,
  geometry: Geometry,
  identity: StreamIdentity,
): Promise<void> {
  const headerPage = new HeaderPage(identity);
  const empty = { length: HEADER_PAGE_BYTES, entries: 0 };
  headerPage.record({
    sequence: 1,
    base: 0,
    start: empty,
    end: empty,
    epoch: 0n,
    session: newSession(),
    dataCrc: 0,
    clean: true,
  });
  const temporary = unfinishedPath(path);
  const file = await disk.create(temporary);
  try {
    await file.write(0, headerPage.bytes);
    file.resizeSync(geometry.pageStart(FIRST_PAGES));
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, path);
}
