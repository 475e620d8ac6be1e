/** Opens the outbox, and makes it where there is none. */

import { StreamFile, StreamFileError, type StreamFileOptions } from '@ds/stream-file';
import type { SourceOptions } from './options.js';

/** Of no meaning to a source: servers have their own. */
const VERSION = 1;

/** @throws {StreamFileError} as `StreamFile.open` */
export async function openOutbox(
  path: string,
  { systemId, streamType }: Pick<SourceOptions, 'systemId' | 'streamType'>,
): Promise<StreamFile> {
  const options: StreamFileOptions = { durability: 'always' };
  try {
    return await StreamFile.open(path, options);
  } catch (error) {
    if (!(error instanceof StreamFileError) || error.code !== 'not-found') throw error;
    return StreamFile.open(path, { ...options, create: { systemId, streamType, version: VERSION } });
  }
}
