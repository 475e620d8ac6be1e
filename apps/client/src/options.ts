/** What `ds-client` can be told: the one place where each option, its default and its limits stand. */

import { field, readToken, type Options, readTls } from '@ds/app-kit';
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
  token: field.text('token').optional().meta({
    secret: true,
    description: 'token that the servers ask for; give it in the environment, or in a file',
  }),
  tokenFile: field
    .path()
    .optional()
    .meta({ description: 'file with that token, white space around it left out' }),
  tls: field.flag().default(false).meta({ description: 'speak TLS' }),
  tlsCa: field
    .path()
    .optional()
    .meta({ description: 'PEM file with the authorities that servers are trusted for; with it, --tls' }),
  tlsCert: field
    .path()
    .optional()
    .meta({ description: 'PEM file with a certificate of its own to show; with --tls-key' }),
  tlsKey: field.path().optional().meta({ description: 'PEM file with the key to that certificate' }),
  tlsServerName: field
    .host()
    .optional()
    .meta({ description: "name that the servers' certificates have to be for, if not the host's" }),
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
    .default(256 << 10)
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

/** What is wrong with options that every command has. */
export function checkCommon({ tlsCert, tlsKey }: Options<typeof commonOptions>): string | undefined {
  return (tlsCert === undefined) === (tlsKey === undefined)
    ? undefined
    : '--tls-cert and --tls-key belong together';
}

/**
 * What every command tells the client library.
 *
 * @throws {UsageError} for files that can't be read
 */
export async function clientOptions(given: Options<typeof commonOptions>): Promise<StreamClientOptions> {
  const token = await readToken({ token: given.token, tokenFile: given.tokenFile, name: 'token' });
  return {
    server: given.server,
    streamType: given.streamType,
    ...(token && { token }),
    tls: await readTls(given),
    connectMs: given.connectTimeout,
    answerMs: given.answerTimeout,
  };
}
