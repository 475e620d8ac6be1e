/** How an app is told what its clients may cost. */

import { field, type Options } from '@ds/app-kit';
import { defaultLimits, type ServerLimits } from '@ds/server';

const connectionCount = (): ReturnType<typeof field.integer> => field.integer({ min: 1, max: 1_000_000 });
const timeout = (): ReturnType<typeof field.duration> => field.duration({ min: 1 });

/** One option a limit, with the server's own defaults. */
export const limitOptions = {
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
  handshakeTimeout: timeout()
    .default(defaultLimits.handshakeMs)
    .meta({ description: 'time for a TLS handshake' }),
  firstCommandTimeout: timeout()
    .default(defaultLimits.firstCommandMs)
    .meta({ description: 'time for a first command to arrive' }),
  commandTimeout: timeout()
    .default(defaultLimits.commandMs)
    .meta({ description: 'time for a command that has begun to arrive to be whole' }),
  idleTimeout: timeout()
    .default(defaultLimits.idleMs)
    .meta({ description: 'time without a command on a connection that is not streaming' }),
  queriesPerSecondMax: field
    .integer({ min: 1, max: 10_000_000 })
    .default(defaultLimits.queriesPerSecondMax)
    .meta({ description: 'queries of one client answered in a second; it is held back beyond that' }),
  stallTimeout: timeout()
    .default(defaultLimits.stallMs)
    .meta({ description: 'time in which a peer has not taken a byte of what it is sent' }),
  closeTimeout: timeout()
    .default(defaultLimits.closeMs)
    .meta({ description: 'time that connections have to take what is on its way when the program ends' }),
};

/** And of an app that has a port for sources. */
export const sourceLimitOptions = {
  sourcesMax: connectionCount()
    .default(defaultLimits.sourcesMax)
    .meta({ description: 'source connections at once, of which one at a time can write' }),
};

/** The limits among an app's options, as the server takes them. */
export function limitsOf(
  given: Options<typeof limitOptions> & Partial<Options<typeof sourceLimitOptions>>,
): ServerLimits {
  return {
    sourcesMax: given.sourcesMax ?? defaultLimits.sourcesMax,
    handshakeMs: given.handshakeTimeout,
    clientsMax: given.clientsMax,
    clientsPerAddressMax: given.clientsPerAddressMax,
    firstCommandMs: given.firstCommandTimeout,
    commandMs: given.commandTimeout,
    idleMs: given.idleTimeout,
    queriesPerSecondMax: given.queriesPerSecondMax,
    stallMs: given.stallTimeout,
    sendBytesMax: given.clientBuffer,
    closeMs: given.closeTimeout,
  };
}
