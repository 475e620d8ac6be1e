/** What the apps share that serve a stream file to clients: `ds-server` and `ds-relay`. */

export {
  clientAccessOf,
  clientAccessOptions,
  sourceAccessOf,
  sourceAccessOptions,
} from './access-options.js';
export { limitOptions, limitsOf, sourceLimitOptions } from './limit-options.js';
export { Monitor, monitorOptions, type Watched } from './monitor/monitor.js';
export { openingProgress } from './opening-progress.js';
export { notClosed, storageOf, storageOptions } from './storage-options.js';
export { workerOptions, workersOf } from './worker-options.js';
