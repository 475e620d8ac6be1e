/** How an app is told on how many processes its clients are to be served. */

import { field, type Options } from '@ds/app-kit';
import type { StreamServerOptions } from '@ds/server';
import { storageOf, type storageOptions } from './storage-options.js';

export const workerOptions = {
  workers: field
    .integer({ min: 0, max: 64 })
    .default(0)
    .meta({ description: 'processes that clients are spread over; 0: this one serves them' }),
};

/** What these options say, as a server takes it. Each process has a cache of its own. */
export function workersOf(
  given: Options<typeof workerOptions> & Options<typeof storageOptions>,
): Pick<StreamServerOptions, 'workers'> {
  const { cachePages } = storageOf(given);
  const caching = cachePages !== undefined && { cachePages };
  return given.workers === 0 ? {} : { workers: { count: given.workers, ...caching } };
}
