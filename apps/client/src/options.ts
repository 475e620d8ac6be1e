/** What `ds-client` can be told: the one place where each option, its default and its limits stand. */

import { connectAccess, connectOptions, field, type Options } from '@ds/app-kit';
import type { StreamClientOptions } from '@ds/client';
import { BOOKMARK_BYTES_MAX } from '@ds/codec';
import { formatNames } from './formats/format.js';

const timeout = (): ReturnType<typeof field.duration> => field.duration({ min: 1 });
const bookmarkKey = (): ReturnType<typeof field.hex> => field.hex({ min: 1, max: BOOKMARK_BYTES_MAX });

export const commonOptions = {
  server: field.addressList().meta({
    description: 'server or relay to ask; several of one stream take the place of each other',
  }),
  streamType: field.u64().default(1n).meta({ description: 'stream type that the server has to have' }),
  format: field.choice(formatNames).default('pretty').meta({
    description: 'lines for people, an object a line, or the bytes as they are on the wire',
  }),
  ...connectOptions,
  connectTimeout: timeout().default(10_000).meta({ description: 'time for a connection to be made' }),
  answerTimeout: timeout().default(10_000).meta({ description: 'time for the server to answer' }),
};

export const followOptions = {
  ...commonOptions,
  from: field
    .either(field.choice(['latest']), field.u64())
    .optional()
    .meta({
      description: 'entry to start with (0 if not given); latest: with the next one to come',
    }),
  fromBookmark: bookmarkKey().optional().meta({ description: 'bookmark to start with, instead of --from' }),
  checkpoint: field
    .path()
    .optional()
    .meta({ description: 'file to keep the position in: where to go on the next time, before --from' }),
  types: field
    .list(field.integer({ min: 0, max: 0xffff_ffff }))
    .optional()
    .meta({ description: 'write entries of these types only' }),
  count: field.u64().optional().meta({ description: 'end after so many entries' }),
  until: field.u64().optional().meta({ description: 'end after this entry' }),
  retries: field
    .either(field.choice(['forever']), field.integer())
    .default(10)
    .meta({ description: 'failures in a row to connect before giving up' }),
  retryWait: timeout().default(10_000).meta({ description: 'longest wait between two attempts' }),
  buffer: field
    .size({ min: 4 << 10 })
    .default(512 << 10)
    .meta({ description: 'what is read at a time, and held for slow output' }),
};

export const entryOptions = {
  ...commonOptions,
  number: field.u64().meta({ positional: true, description: 'number of the entry' }),
};

export const bookmarkOptions = {
  ...commonOptions,
  key: bookmarkKey().meta({ positional: true, description: 'bookmark, in hexadecimal' }),
};

/**
 * What every command tells the client library.
 *
 * @throws {UsageError} as `connectAccess`
 */
export async function clientOptions(given: Options<typeof commonOptions>): Promise<StreamClientOptions> {
  return {
    server: given.server,
    streamType: given.streamType,
    ...(await connectAccess(given)),
    connectMs: given.connectTimeout,
    answerMs: given.answerTimeout,
  };
}
