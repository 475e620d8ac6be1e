/** The servers that are fed: opens the source, logs what becomes of each server, and remembers which are left out. */

import type { ConnectAccess, Logger } from '@ds/app-kit';
import { StreamSource, type Outbox, type ServerState, type SourceError } from '@ds/source';
import type { SourceOptions } from './options.js';

export class ServerWatch {
  readonly #logger: Logger;
  readonly #leftOut: SourceError[] = [];
  readonly #onFenced: (reason: SourceError) => void;

  /** `onFenced` is told when another source has taken over. */
  constructor(logger: Logger, onFenced: (reason: SourceError) => void) {
    this.#logger = logger;
    this.#onFenced = onFenced;
  }

  /** One reason for each server that gets nothing any more. */
  get leftOut(): readonly SourceError[] {
    return this.#leftOut;
  }

  readonly take = (state: ServerState): void => {
    const { server } = state;
    switch (state.kind) {
      case 'connected':
        this.#logger.info({ server, totalEntries: state.totalEntries }, 'server connected');
        return;
      case 'disconnected':
        this.#logger.warn({ server, reason: state.error.message }, 'server not connected; it is tried again');
        return;
      case 'left-out':
        this.#logger.error(
          { server, reason: state.error.message },
          'server left out: it gets nothing any more',
        );
        this.#leftOut.push(state.error);
        if (state.error.code === 'fenced') this.#onFenced(state.error);
    }
  };
}

/**
 * Opens the source that the options describe.
 *
 * @throws {SourceError} as `StreamSource.open`
 */
export function openSource(
  given: SourceOptions,
  access: ConnectAccess,
  outbox: Outbox | undefined,
  watch: ServerWatch,
): Promise<StreamSource> {
  const { epoch } = given;
  return StreamSource.open({
    servers: given.server,
    systemId: given.systemId,
    streamType: given.streamType,
    ...(epoch !== undefined && { epoch }),
    ...access,
    ...(outbox && { outbox }),
    quorum: given.quorum,
    windowBytes: given.window,
    keptBytesMax: given.keep,
    connectMs: given.connectTimeout,
    answerMs: given.answerTimeout,
    openMs: given.openTimeout,
    onServerState: watch.take,
  });
}
