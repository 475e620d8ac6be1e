/** `ds-stream`: stream files in an operator's hands. */

import { defineApp, packageVersion } from '@ds/app-kit';
import { copy } from './commands/copy.js';
import { exportEntries } from './commands/export.js';
import { importEntries } from './commands/import.js';
import { inspect } from './commands/inspect.js';
import { rebuildIndex } from './commands/rebuild-index.js';
import { repair } from './commands/repair.js';
import { truncate } from './commands/truncate.js';
import { verify } from './commands/verify.js';
import { finished } from './finished.js';

export const app = defineApp({
  name: 'ds-stream',
  version: packageVersion(import.meta.url),
  description: 'Looks at stream files, verifies, repairs, cuts, copies, exports and imports them.',
  examples: [
    'ds-stream inspect /var/lib/ds/stream.bin',
    'ds-stream verify /var/lib/ds/stream.bin',
    'ds-stream copy /var/lib/ds/stream.bin /backup/stream.bin',
  ],
  options: {},
  commands: {
    inspect: finished(inspect),
    verify: finished(verify),
    repair: finished(repair),
    truncate: finished(truncate),
    'rebuild-index': finished(rebuildIndex),
    export: finished(exportEntries),
    import: finished(importEntries),
    copy: finished(copy),
  },
});
