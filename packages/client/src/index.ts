export type { ServerAddress } from './address.js';
export { ClientError, type ClientErrorCode } from './errors.js';
export type { RetryOptions } from './retry.js';
export {
  StreamClient,
  type FollowOptions,
  type FollowState,
  type StreamClientOptions,
} from './stream-client.js';
