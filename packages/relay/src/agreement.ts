/** Makes sure that a relay's file holds nothing but what its upstream holds: before it is served, and whenever the upstream was lost. */
import type { StreamClient } from '@ds/client';
import type { Header, StreamIdentity } from '@ds/codec';
import { StreamFile, StreamFileError } from '@ds/stream-file';

import { commonPrefix, firstDifference, RUN_ENTRIES, type EntrySource } from './common-prefix.js';
import { RelayError } from './errors.js';
import { loggerOf, type StreamRelayOptions } from './options.js';
import { isMismatch, type Upstreams } from './upstreams.js';

/** An upstream that has answered. */
interface Answering {
  readonly client: StreamClient;
  readonly header: Header;
  /** Its address, for messages. */
  readonly name: string;
}

/**
 * Opens the relay's file, or makes it; the upstream whose turn it is then holds all of it. Does what `onMismatch` says if it
 * is no upstream's.
 * @throws {RelayError} `mismatch`
 */
export async function openAgreed(
  options: StreamRelayOptions,
  upstreams: Upstreams,
  signal: AbortSignal,
): Promise<StreamFile> {
  const { onMismatch = 'stop' } = options;
  const openAs = (policy: typeof onMismatch): Promise<StreamFile> =>
    upstreams.ask(signal, (client, header, name) => open(options, policy, { client, header, name }));
  try {
    return await openAs('stop');
  } catch (error) {
    if (onMismatch === 'stop' || !isMismatch(error)) throw error;
    // None agrees, so that the first one decides.
    upstreams.reset();
    return openAs(onMismatch);
  }
}

/** Whether there is an upstream that holds all that the file holds; if so, its turn it is. */
export async function agrees(file: StreamFile, upstreams: Upstreams, signal: AbortSignal): Promise<boolean> {
  try {
    await upstreams.ask(signal, async (client, header, name) => {
      const reason = isSameStream(file.identity, header)
        ? await findMismatch(file, client, header)
        : "the upstream's system id, stream type or version is another";
      if (reason !== undefined) throw mismatch(file.path, name, reason);
    });
    return true;
  } catch (error) {
    if (isMismatch(error)) return false;
    throw error;
  }
}

/** Whether two streams are of the same kind. What they hold can still differ. */
export function isSameStream(one: StreamIdentity, other: StreamIdentity): boolean {
  return (
    one.systemId === other.systemId && one.streamType === other.streamType && one.version === other.version
  );
}

async function open(
  options: StreamRelayOptions,
  policy: StreamRelayOptions['onMismatch'],
  upstream: Answering,
): Promise<StreamFile> {
  try {
    return await openChecked(options, policy, upstream);
  } catch (error) {
    if (policy !== 'restart' || !isMismatch(error)) throw error;
    const { path } = options;
    loggerOf(options).warn({ path, reason: error.message }, 'starting with an empty file');
    await StreamFile.remove(path, options.file);
    return openFile(options, upstream);
  }
}

async function openChecked(
  options: StreamRelayOptions,
  policy: StreamRelayOptions['onMismatch'],
  upstream: Answering,
): Promise<StreamFile> {
  const { path } = options;
  const { client, header, name } = upstream;
  const file = await openFile(options, upstream);
  try {
    const reason = await findMismatch(file, client, header);
    if (reason === undefined) return file;
    if (policy !== 'truncate') throw mismatch(path, name, reason);
    const entries = file.header.totalEntries;
    const kept = await commonPrefix(file, entriesOf(client), smaller(entries, header.totalEntries));
    loggerOf(options).warn({ path, reason, entries, kept }, "truncating to what is the upstream's");
    if (kept < entries) await file.truncateFile(kept);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openFile(
  { path, file }: StreamRelayOptions,
  { header: { version, systemId, streamType }, name }: Answering,
): Promise<StreamFile> {
  try {
    return await StreamFile.open(path, { ...file, create: { version, systemId, streamType } });
  } catch (error) {
    if (!(error instanceof StreamFileError) || error.code !== 'identity-mismatch') throw error;
    throw mismatch(path, name, error.message, error);
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

function mismatch(path: string, upstream: string, reason: string, cause?: unknown): RelayError {
  return new RelayError(
    'mismatch',
    `${path} is not of the stream of ${upstream}: ${reason}; name another file or upstream, ` +
      'or have the relay truncate the file or restart with an empty one on a mismatch',
    { cause },
  );
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
