/**
 * What the main process and a worker say to each other, as JSON over the channel that Node has between them. It keeps order:
 * that is what `hold` and `resume`, and an answer behind the extent that it was given at, rely on.
 *
 * No entry goes over it. A commit costs a message that says how far the stream is, and none while the last one is on its way.
 */
import type { Extent, StreamFile, StreamFileReaderOptions } from '@ds/stream-file';

import type { ServerErrorCode } from '../errors.js';
import type { ClientStatus } from '../observer.js';
import type { ServerLimits } from '../options.js';
import type { TlsFiles } from '../ports/tls.js';
import type { CountedEvents } from './counted-events.js';

/** What a worker must know to serve. */
export interface WorkerTask {
  /** The stream file. */
  readonly path: string;
  readonly reading: StreamFileReaderOptions;
  /** What clients must show, in base64. */
  readonly token?: string;
  readonly tls?: TlsFiles;
  readonly limits: ServerLimits;
}

/** From the main process to a worker. */
export type ToWorker =
  /** Opens the file; once, and first. */
  | { readonly kind: 'open'; readonly task: WorkerTask; readonly extent: Extent }
  /** A connection to serve comes with this, as a socket. */
  | { readonly kind: 'connection'; readonly id: number }
  /** So far goes what is committed. */
  | { readonly kind: 'committed'; readonly extent: Extent }
  /** What is committed is about to be changed: the worker reads nothing more of the file, and says when that is so. */
  | { readonly kind: 'hold' }
  /** The stream was cut. Comes between `hold` and `resume`. */
  | { readonly kind: 'truncated'; readonly length: number }
  /** The file can be read again: nothing that was read before counts. */
  | { readonly kind: 'resume'; readonly extent: Extent }
  | ({ readonly kind: 'answer'; readonly id: number; readonly extent: Extent } & Answer)
  /** Asks for all clients as they are now. */
  | { readonly kind: 'list'; readonly id: number }
  /** Ends all connections, then the worker. */
  | { readonly kind: 'close' };

/** From a worker to the main process. */
export type FromWorker =
  /** It serves from now on. */
  | { readonly kind: 'ready' }
  /** It cannot serve, and ends. */
  | { readonly kind: 'failed'; readonly code: ServerErrorCode; readonly reason: string }
  /** Connections are gone. */
  | { readonly kind: 'left'; readonly ids: readonly number[] }
  /** Asks how far the stream is, and for a bookmark's entry if one is named, in hex. */
  | { readonly kind: 'ask'; readonly id: number; readonly bookmark?: string }
  /** Nothing is being read of the file any more. */
  | { readonly kind: 'held' }
  | { readonly kind: 'listed'; readonly id: number; readonly clients: readonly ClientStatus[] }
  /** What has happened since the last one. Comes at intervals, also when that is nothing: the worker is alive. */
  | { readonly kind: 'report'; readonly events: CountedEvents; readonly figures: WorkerFigures }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly fields: object; readonly message: string };

/** What a worker has cost since it was started, and what it has brought. */
export interface WorkerFigures {
  /** As `StreamFile.cache`, of the pages that it keeps. */
  readonly cache: StreamFile['cache'];
  /** Memory of the process. */
  readonly residentBytes: number;
  /** Time of processors that the process has taken, in seconds. */
  readonly cpuSeconds: number;
}

/** What is known of a bookmark. */
export interface Answer {
  /** Number of its newest entry. A safe integer. */
  readonly entry?: number;
  /** Why it could not be looked up. */
  readonly error?: string;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
