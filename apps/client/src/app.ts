/** `ds-client`: a stream on the command line. */

import { defineApp, packageVersion } from '@ds/app-kit';
import { follow } from './commands/follow.js';
import { bookmark, entry, header } from './commands/queries.js';
import { commonOptions } from './options.js';

export const app = defineApp({
  name: 'ds-client',
  version: packageVersion(import.meta.url),
  description: 'Follows a data stream, or asks its server for single entries.',
  examples: [
    'ds-client --server localhost:6900 header',
    'ds-client --server localhost:6900 follow --from latest',
    'ds-client --server localhost:6900 follow --count 1000 --format json | jq .type',
  ],
  options: commonOptions,
  commands: { follow, header, entry, bookmark },
});
