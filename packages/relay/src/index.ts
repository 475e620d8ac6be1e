export { RelayError, type RelayErrorCode } from './errors.js';
export type { StreamRelayOptions } from './options.js';
export { StreamRelay } from './relay.js';
