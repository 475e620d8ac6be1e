/** Copies an upstream's stream into a file, as long as one connection lasts. */
import { ClientError, positionAfter } from '@ds/client';
import type { Header } from '@ds/codec';
import type { StreamFile } from '@ds/stream-file';

import { isSameStream } from './agreement.js';
import { watchHead } from './head.js';
import type { Upstreams } from './upstreams.js';

/** What is told of a copy. */
interface CopyEvents {
  /** The upstream is followed, or has been asked: how far it is. */
  readonly reached: (header: Header) => void;
  /** Entries were committed. */
  readonly stored: () => void;
}

/**
 * Stores what the upstream whose turn it is has behind the file's last entry, and all that comes. Each run of entries that arrives in one
 * piece becomes one commit. Never resolves: rejects with why it went no further, all that was committed being settled.
 *
 * @param headIntervalMs how often the upstream is asked how far it is; undefined: not
 * @throws {ClientError} the upstream is lost, or is not the stream that it was
 * @throws {StreamFileError} an entry can't be stored
 */
export async function copy(
  file: StreamFile,
  upstreams: Upstreams,
  signal: AbortSignal,
  headIntervalMs: number | undefined,
  events: CopyEvents,
): Promise<never> {
  const stopping = new AbortController();
  let reason: unknown;
  const stop = (error: unknown): void => {
    reason ??= error;
    stopping.abort();
  };
  const onHeader = (header: Header): void => {
    if (isSameStream(file.identity, header)) events.reached(header);
    else
      stop(new ClientError('wrong-stream', "the upstream's system id, stream type or version has changed"));
  };
  await using upstream = upstreams.client(onHeader);
  const last = file.nextEntry > 0n ? await file.getEntryBytes(file.nextEntry - 1n) : undefined;
  const from = last ? positionAfter(file.identity, last) : file.nextEntry;
  const ending = AbortSignal.any([signal, stopping.signal]);
  const watching =
    headIntervalMs === undefined ? undefined : watchHead(upstream, headIntervalMs, ending, onHeader);
  let committed: Promise<unknown> = Promise.resolve();
  try {
    for await (const batch of upstream.followBatches({ from, signal: ending, reuseBuffer: true })) {
      await file.ready();
      if (ending.aborted) break;
      file.startAtomicOp();
      file.addStreamBatch(batch);
      committed = file.commitAtomicOp().then(events.stored, stop);
    }
  } catch (error) {
    await committed;
    stop(error);
  }
  await committed;
  stopping.abort();
  await watching;
  if (file.operationOpen) file.rollbackAtomicOp();
  throw reason ?? signal.reason;
}
