/**
 * Opens the stream file that is served. A new file takes what was given and defaults for the rest; an existing one has
 * to agree with what was given, and the rest is its own.
 */

import type { Logger } from '@ds/app-kit';
import type { StreamIdentity } from '@ds/codec';
import { openingProgress } from '@ds/serving-kit';
import { StreamFile, StreamFileError, type StreamFileOptions } from '@ds/stream-file';

/** An identity of which only some fields are asked for. */
export type WantedIdentity = { readonly [Field in keyof StreamIdentity]?: StreamIdentity[Field] | undefined };

/** What a new file is where nothing else is asked for: chain 1, a sequencer's stream, the nodes' current version. */
const newStream: StreamIdentity = { systemId: 1n, streamType: 1n, version: 3 };

/** The options that ask for an identity, for the message that refuses a file. */
const askedForBy = {
  systemId: '--system-id',
  streamType: '--stream-type',
  version: '--file-version',
} as const;

/**
 * Opens a stream file, makes it if it is missing, and logs what takes long.
 *
 * @throws {StreamFileError} as `StreamFile.open`; `identity-mismatch` names the option that the file contradicts
 */
export async function openStream(
  path: string,
  wanted: WantedIdentity,
  options: Omit<StreamFileOptions, 'create' | 'onProgress'>,
  logger: Logger,
): Promise<StreamFile> {
  const startedMs = performance.now();
  const file = await openOrCreate(path, wanted, { ...options, onProgress: openingProgress(logger) }, logger);
  try {
    checkIdentity(file, wanted);
  } catch (error) {
    await file.close();
    throw error;
  }
  const { totalEntries, totalLength, systemId, streamType, version } = file.header;
  const openedMs = Math.round(performance.now() - startedMs);
  logger.info({ path, systemId, streamType, version, totalEntries, totalLength, openedMs }, 'stream open');
  return file;
}

async function openOrCreate(
  path: string,
  wanted: WantedIdentity,
  options: StreamFileOptions,
  logger: Logger,
): Promise<StreamFile> {
  try {
    return await StreamFile.open(path, options);
  } catch (error) {
    if (!(error instanceof StreamFileError) || error.code !== 'not-found') throw error;
  }
  const create = {
    systemId: wanted.systemId ?? newStream.systemId,
    streamType: wanted.streamType ?? newStream.streamType,
    version: wanted.version ?? newStream.version,
  };
  logger.info({ path, ...create }, 'making a new stream file');
  return StreamFile.open(path, { ...options, create });
}

function checkIdentity({ path, identity }: StreamFile, wanted: WantedIdentity): void {
  for (const field of ['systemId', 'streamType', 'version'] as const) {
    const asked = wanted[field];
    if (asked === undefined || asked === identity[field]) continue;
    const option = askedForBy[field];
    throw new StreamFileError(
      'identity-mismatch',
      `${path} is another stream: it has ${option} ${identity[field]}, not ${asked}; ` +
        `leave the option out, or name another --file`,
    );
  }
}
