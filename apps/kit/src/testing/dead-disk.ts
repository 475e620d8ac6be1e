/** A disk that answers no more, for programs under test: a call to it never comes back, and holds its thread. */

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { TemporaryFolder } from './temporary-folder.js';

/** The environment of a program whose disk is dead from when it gets SIGTERM on. Files of it stand in `folder`. */
export function deadDisk(folder: TemporaryFolder): { NODE_OPTIONS: string } {
  const pipe = folder.path('dead-disk.pipe');
  const module = folder.path('dead-disk.cjs');
  // Opening a pipe that nobody writes to waits in the system, as a sync of a dead disk does.
  execFileSync('mkfifo', [pipe]);
  writeFileSync(
    module,
    `const fs = require('node:fs');
    const { fdatasync } = fs;
    let isDead = false;
    process.once('SIGTERM', () => (isDead = true));
    fs.fdatasync = (descriptor, done) =>
      isDead ? fs.open(${JSON.stringify(pipe)}, 'r', done) : fdatasync(descriptor, done);
    require('node:module').syncBuiltinESMExports();`,
  );
  return { NODE_OPTIONS: `--require ${module}` };
}
