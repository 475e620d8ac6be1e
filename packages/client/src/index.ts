export type { Entry, EntryBatch, Header } from '@ds/codec';

export type { ServerAddress } from './connecting/address.js';
export type { RetryOptions } from './connecting/retry.js';
export { ClientError, type ClientErrorCode } from './errors.js';
export type { Following } from './following/following.js';
export type { BatchOptions, FollowOptions, WaitOptions } from './following/options.js';
export type { FollowProgress, FollowState } from './following/state.js';
export type { StreamClientOptions, TlsOptions } from './options.js';
export { FileCheckpoint, type Checkpoint } from './resuming/checkpoint.js';
export { formatPosition, parsePosition, positionAfter, type StreamPosition } from './resuming/position.js';
export { StreamClient } from './stream-client.js';
