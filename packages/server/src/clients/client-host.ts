/** Where all clients of a server are served: in this process, or in its workers. */
import type { StreamFileListener } from '@ds/stream-file';

import type { ClientStatus } from '../observer.js';
import type { Taker } from '../ports/port.js';
import type { TlsFiles } from '../ports/tls.js';

/** It is told what becomes of the stream. */
export interface ClientHost extends Taker, StreamFileListener {
  /**
   * Makes ready to take connections.
   * @throws {ServerError} `tls` or `worker`
   */
  open(tls: TlsFiles | undefined): Promise<void>;
  /** Clients that are served. */
  readonly size: number;
  /** Each of them as it is now. */
  status(): Promise<readonly ClientStatus[]>;
  /** Enforces the limits on time; called once a second. */
  tick(): void;
  /** Ends all connections; resolves when they are gone. */
  close(): Promise<void>;
  /** Cuts off those that are left. */
  destroy(reason: string): void;
}
