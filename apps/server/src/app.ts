/** `ds-server`: a stream file served to clients and fed by a source. */

import { defineApp, packageVersion, withinTime } from '@ds/app-kit';
import { StreamServer } from '@ds/server';
import {
  clientAccessOf,
  limitsOf,
  Monitor,
  notClosed,
  sourceAccessOf,
  storageOf,
  workersOf,
} from '@ds/serving-kit';
import { options } from './options.js';
import { watchStorage } from './storage-watch.js';
import { openStream } from './stream.js';

export const app = defineApp({
  name: 'ds-server',
  version: packageVersion(import.meta.url),
  description: 'Serves a stream file to any number of clients, and takes its entries from one source.',
  examples: [
    'ds-server --file /var/lib/ds/stream.bin --system-id 137',
    'ds-server --file stream.bin --source-host 0.0.0.0 --token-file source.token',
  ],
  options,
  async main(given, { logger, ready, stopped }) {
    const { host, port, sourceHost, sourcePort } = given;
    const clients = { host, port, ...(await clientAccessOf(given)) };
    const source = { host: sourceHost, port: sourcePort, ...(await sourceAccessOf(given)) };
    const wanted = {
      systemId: given.systemId,
      streamType: given.streamType,
      version: given.fileVersion,
    };
    await using monitor = await Monitor.start(given, logger);
    const observed = monitor && { observer: monitor.storageObserver };
    const file = await openStream(given.file, wanted, { ...storageOf(given), ...observed }, logger);
    try {
      const server = await StreamServer.start({
        file,
        clients,
        source,
        ...workersOf(given),
        limits: limitsOf(given),
        logger,
        ...(monitor && { observer: monitor.serverObserver }),
      });
      monitor?.watch({ file, server });
      const unwatch = watchStorage(file, logger);
      const { clientAddress, sourceAddress = clientAddress } = server;
      ready({
        clients: clientAddress,
        source: sourceAddress,
        ...(monitor && { metrics: monitor.address }),
      });
      await stopped;
      monitor?.watch(undefined);
      unwatch();
      await server.close();
    } finally {
      const { fileCloseTimeout } = given;
      await withinTime(file.close(), fileCloseTimeout, notClosed(file.path, fileCloseTimeout));
    }
    logger.info({ path: file.path }, 'closed');
  },
});
