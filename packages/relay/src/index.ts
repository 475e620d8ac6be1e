export { RelayError, type RelayErrorCode } from './errors.js';
export { StreamRelay, type StreamRelayOptions } from './relay.js';
