export { SourceError, type SourceErrorCode } from './errors.js';
export type { RetryOptions, ServerAddress, ServerState, StreamSourceOptions } from './options.js';
export { StreamSource, type Commit } from './stream-source.js';
