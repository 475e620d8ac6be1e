/** Makes sure that a relay's file holds nothing but what its upstream holds: before it is served, and whenever the upstream was lost. */
import type { StreamClient } from '@ds/client';
import type { Header, StreamIdentity } from '@ds/codec';
import { StreamFile, StreamFileError } from '@ds/stream-file';

import { commonPrefix, firstDifference, RUN_ENTRIES, type EntrySource } from './common-prefix.js';
import { RelayError } from './errors.js';
import { loggerOf, upstreamName, type StreamRelayOptions } from './options.js';
import { askUpstream } from './upstream.js';

/**
 * Opens the relay's file, or makes it, and does what `onMismatch` says if it is not the upstream's.
 * @throws {RelayError} `mismatch`
 */
export function openAgreed(options: StreamRelayOptions, signal: AbortSignal): Promise<StreamFile> {
  const { path, onMismatch } = options;
  return askUpstream(options, signal, async (upstream, header) => {
    try {
      return await openChecked(options, upstream, header);
    } catch (error) {
      if (onMismatch !== 'restart' || !(error instanceof RelayError)) throw error;
      loggerOf(options).warn({ path, reason: error.message }, 'starting with an empty file');
      await StreamFile.remove(path);
      return openFile(options, header);
    }
  });
}

/** Whether all that the file holds is still the upstream's. */
export function agrees(file: StreamFile, options: StreamRelayOptions, signal: AbortSignal): Promise<boolean> {
  return askUpstream(
    options,
    signal,
    async (upstream, header) =>
      isSameStream(file.identity, header) && (await findMismatch(file, upstream, header)) === undefined,
  );
}

/** Whether two streams are of the same kind. What they hold can still differ. */
export function isSameStream(one: StreamIdentity, other: StreamIdentity): boolean {
  return (
    one.systemId === other.systemId && one.streamType === other.streamType && one.version === other.version
  );
}

async function openChecked(
  options: StreamRelayOptions,
  upstream: StreamClient,
  header: Header,
): Promise<StreamFile> {
  const { path, onMismatch } = options;
  const file = await openFile(options, header);
  try {
    const reason = await findMismatch(file, upstream, header);
    if (reason === undefined) return file;
    if (onMismatch !== 'truncate') throw mismatch(options, reason);
    const entries = file.header.totalEntries;
    const kept = await commonPrefix(file, entriesOf(upstream), smaller(entries, header.totalEntries));
    loggerOf(options).warn({ path, reason, entries, kept }, "truncating to what is the upstream's");
    if (kept < entries) await file.truncateFile(kept);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openFile(options: StreamRelayOptions, header: Header): Promise<StreamFile> {
  const { version, systemId, streamType } = header;
  try {
    return await StreamFile.open(options.path, {
      ...options.file,
      create: { version, systemId, streamType },
    });
  } catch (error) {
    if (!(error instanceof StreamFileError) || error.code !== 'identity-mismatch') throw error;
    throw mismatch(options, error.message, error);
  }
}

/** Why the file does not belong to the upstream's stream, in words; undefined if it does. */
async function findMismatch(
  file: StreamFile,
  upstream: StreamClient,
  { totalEntries }: Header,
): Promise<string | undefined> {
  const own = file.header.totalEntries;
  if (own > totalEntries) return `it holds ${own} entries, the upstream ${totalEntries}`;
  const from = own > RUN_ENTRIES ? own - RUN_ENTRIES : 0n;
  const different = await firstDifference(file, entriesOf(upstream), from, own);
  return different === undefined ? undefined : `its entry ${different} is not the upstream's`;
}

function entriesOf(upstream: StreamClient): EntrySource {
  return { getEntry: (entryNumber) => upstream.entry(entryNumber) };
}

function mismatch(options: StreamRelayOptions, reason: string, cause?: unknown): RelayError {
  return new RelayError(
    'mismatch',
    `${options.path} is not of the stream of ${upstreamName(options)}: ${reason}; name another file or upstream, ` +
      'or have the relay truncate the file or restart with an empty one on a mismatch',
    { cause },
  );
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
