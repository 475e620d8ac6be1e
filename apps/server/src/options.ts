/** What `ds-server` can be told: the one place where each option, its default and its limits stand. */

import { field } from '@ds/app-kit';
import {
  clientAccessOptions,
  limitOptions,
  monitorOptions,
  sourceAccessOptions,
  sourceLimitOptions,
  storageOptions,
  workerOptions,
} from '@ds/serving-kit';

export const options = {
  file: field
    .path()
    .meta({ description: 'stream file, made if it is missing; its bookmark index NAME.db stands beside it' }),
  host: field.host().default('0.0.0.0').meta({ description: 'address to listen on for clients' }),
  port: field.port().default(6900).meta({ description: 'port for clients; 0 takes a free one' }),
  ...clientAccessOptions,
  sourceHost: field.host().default('127.0.0.1').meta({
    description: 'address to listen on for the source; set a token before you open it to a network',
  }),
  sourcePort: field.port().default(6901).meta({ description: 'port for the source; 0 takes a free one' }),
  ...sourceAccessOptions,
  systemId: field
    .u64()
    .optional()
    .meta({ description: 'system id, such as a chain id: of a new file (1 if not given), or expected' }),
  streamType: field
    .u64()
    .optional()
    .meta({ description: 'stream type: of a new file (1, a sequencer, if not given), or expected' }),
  fileVersion: field
    .integer({ max: 255 })
    .optional()
    .meta({ description: 'version in the header: of a new file (3 if not given), or expected' }),
  ...storageOptions,
  ...workerOptions,
  ...limitOptions,
  ...sourceLimitOptions,
  ...monitorOptions,
};
