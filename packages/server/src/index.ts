export { ServerError, type ServerErrorCode } from './errors.js';
export { defaultLimits, type ListenAddress, type Logger, type ServerLimits } from './options.js';
export { StreamServer, type BoundAddress, type StreamServerOptions } from './server.js';
