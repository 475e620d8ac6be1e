/** Copies an upstream's stream into a file, as long as one connection lasts. */
import { ClientError, positionAfter } from '@ds/client';
import type { StreamFile } from '@ds/stream-file';

import { isSameStream } from './agreement.js';
import type { Upstreams } from './upstreams.js';

/**
 * Stores what the upstream whose turn it is has behind the file's last entry, and all that comes. Each run of entries that arrives in one
 * piece becomes one commit. Never resolves: rejects with why it went no further, all that was committed being settled.
 *
 * @param onStored called for each commit
 * @throws {ClientError} the upstream is lost, or is not the stream that it was
 * @throws {StreamFileError} an entry can't be stored
 */
export async function copy(
  file: StreamFile,
  upstreams: Upstreams,
  signal: AbortSignal,
  onStored: () => void,
): Promise<never> {
  const stopping = new AbortController();
  let reason: unknown;
  const stop = (error: unknown): void => {
    reason ??= error;
    stopping.abort();
  };
  await using upstream = upstreams.client((header) => {
    if (isSameStream(file.identity, header)) return;
    stop(new ClientError('wrong-stream', "the upstream's system id, stream type or version has changed"));
  });
  const last = file.nextEntry > 0n ? await file.getEntryBytes(file.nextEntry - 1n) : undefined;
  const from = last ? positionAfter(file.identity, last) : file.nextEntry;
  const ending = AbortSignal.any([signal, stopping.signal]);
  let committed: Promise<unknown> = Promise.resolve();
  try {
    for await (const batch of upstream.followBatches({ from, signal: ending, reuseBuffer: true })) {
      await file.ready();
      if (ending.aborted) break;
      file.startAtomicOp();
      file.addStreamBatch(batch);
      committed = file.commitAtomicOp().then(onStored, stop);
    }
  } catch (error) {
    await committed;
    stop(error);
  }
  await committed;
  if (file.operationOpen) file.rollbackAtomicOp();
  throw reason ?? signal.reason;
}
