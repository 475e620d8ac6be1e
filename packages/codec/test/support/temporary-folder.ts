/** Folders for tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

/** An empty folder that goes with the test, when all that the test has set up since is gone. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ds-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
