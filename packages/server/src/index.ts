export { ServerError, type ServerErrorCode } from './errors.js';
export type { BoundAddress } from './ports/listener.js';
export type { ClientStatus, DisconnectReason, PeerKind, RefusalReason, ServerObserver } from './observer.js';
export { defaultLimits, type Logger, type PortOptions, type ServerLimits } from './options.js';
export { StreamServer, type StreamServerOptions } from './server.js';
export type { WorkerOptions, WorkersStatus } from './workers/worker-pool.js';
export type { TlsFiles } from './ports/tls.js';
