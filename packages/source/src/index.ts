export type { Header } from '@ds/codec';

export type { WaitOptions } from './abortable.js';
export type { AtomicOperation, Commit } from './atomic-operation.js';
export { SourceError, type SourceErrorCode } from './errors.js';
export type { RetryOptions, ServerAddress, ServerState, StreamSourceOptions, TlsOptions } from './options.js';
export type { Outbox, StoredEntries, StoredOperation } from './outbox/outbox.js';
export { StreamSource } from './stream-source.js';
