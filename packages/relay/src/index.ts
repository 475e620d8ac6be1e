export { RelayError, type RelayErrorCode } from './errors.js';
export type { StreamRelayOptions, UpstreamAddress } from './options.js';
export { StreamRelay } from './relay.js';
