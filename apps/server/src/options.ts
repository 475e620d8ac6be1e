/** What `ds-server` can be told: the one place where each option, its default and its limits stand. */

import { field, type Options } from '@ds/app-kit';
import { defaultLimits, type ServerLimits } from '@ds/server';

const connectionCount = (): ReturnType<typeof field.integer> => field.integer({ min: 1, max: 1_000_000 });
const timeout = (): ReturnType<typeof field.duration> => field.duration({ min: 1 });

export const options = {
  file: field
    .path()
    .meta({ description: 'stream file, made if it is missing; its bookmark index NAME.db stands beside it' }),
  host: field.host().default('0.0.0.0').meta({ description: 'address to listen on for clients' }),
  port: field.port().default(6900).meta({ description: 'port for clients; 0 takes a free one' }),
  sourceHost: field.host().default('127.0.0.1').meta({
    description: 'address to listen on for the source; set a token before you open it to a network',
  }),
  sourcePort: field.port().default(6901).meta({ description: 'port for the source; 0 takes a free one' }),
  tokenFile: field.path().optional().meta({
    description: 'file with the token that a source must show, white space around it left out',
  }),
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
  durability: field.choice(['always', 'interval', 'os']).default('always').meta({
    description: 'when a commit is acknowledged: synced, synced at intervals, or handed to the system',
  }),
  syncInterval: field
    .duration({ min: 1, max: 60_000 })
    .default(50)
    .meta({ description: 'time between syncs with durability interval' }),
  cacheSize: field
    .size({ min: 2 << 20 })
    .default(32 << 20)
    .meta({ description: 'pages of the file kept in memory for readers, in whole MiB' }),
  writeBuffer: field
    .size({ min: 64 << 10 })
    .default(8 << 20)
    .meta({ description: 'commits waiting to be written, above which the source is held back' }),
  clientBuffer: field
    .size({ min: 4 << 10 })
    .default(defaultLimits.sendBytesMax)
    .meta({ description: 'bytes handed to one connection ahead of what its client takes' }),
  clientsMax: connectionCount()
    .default(defaultLimits.clientsMax)
    .meta({ description: 'client connections at once' }),
  clientsPerAddressMax: connectionCount()
    .default(defaultLimits.clientsPerAddressMax)
    .meta({ description: 'client connections at once from one address' }),
  firstCommandTimeout: timeout()
    .default(defaultLimits.firstCommandMs)
    .meta({ description: 'time for a first command to arrive' }),
  commandTimeout: timeout()
    .default(defaultLimits.commandMs)
    .meta({ description: 'time for a command that has begun to arrive to be whole' }),
  idleTimeout: timeout()
    .default(defaultLimits.idleMs)
    .meta({ description: 'time without a command on a connection that is not streaming' }),
  stallTimeout: timeout()
    .default(defaultLimits.stallMs)
    .meta({ description: 'time in which a peer has not taken a byte of what it is sent' }),
  closeTimeout: timeout()
    .default(defaultLimits.closeMs)
    .meta({ description: 'time that connections have to take what is on its way when the server ends' }),
};

/** The limits among the options, as the server takes them. */
export function limitsOf(given: Options<typeof options>): ServerLimits {
  return {
    clientsMax: given.clientsMax,
    clientsPerAddressMax: given.clientsPerAddressMax,
    firstCommandMs: given.firstCommandTimeout,
    commandMs: given.commandTimeout,
    idleMs: given.idleTimeout,
    stallMs: given.stallTimeout,
    sendBytesMax: given.clientBuffer,
    closeMs: given.closeTimeout,
  };
}
