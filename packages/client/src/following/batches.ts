/**
 * The stream's entries as they come, over lost connections: exactly where it was, once the server has shown that it still
 * has the last entry before that.
 */
import { ResultCode, type EntryBatch, type Header } from '@ds/codec';

import type { Connection } from '../connecting/connection.js';
import type { Servers } from '../connecting/servers.js';
import { ClientError } from '../errors.js';
import { entriesWanted, type BatchOptions } from './options.js';
import type { FollowState } from './state.js';
import type { Track } from './track.js';

export interface Observer {
  /** A server has said how long the stream is. */
  header(header: Header): void;
  state(state: FollowState): void;
}

export async function* followBatches(
  servers: Servers,
  track: Track,
  options: BatchOptions,
  observer: Observer,
): AsyncGenerator<EntryBatch, undefined, undefined> {
  const { until, reuseBuffer = false } = options;
  let left = entriesWanted(options, track.from);
  while (left !== 0n) {
    let connection: Connection | undefined;
    try {
      connection = await servers.connect();
      const { server } = connection;
      const header = await connection.header();
      checkIdentity(server, header, track);
      track.identify(header);
      observer.header(header);
      if (track.from === 'latest') {
        track.from = header.totalEntries;
        left ??= entriesWanted(options, track.from);
        if (left === 0n) return undefined;
      }
      let unseen = await start(connection, track.from, header, track);
      servers.connected();
      let isLive = false;
      let isTold = false;
      for (;;) {
        const isDue: boolean = typeof track.from !== 'bigint' || track.from < header.totalEntries;
        const isQuiet: boolean = !isDue && !unseen && !connection.hasBatch;
        if (!isTold || (isQuiet && !isLive)) {
          isTold = true;
          isLive = isQuiet;
          observer.state({ kind: isLive ? 'live' : 'catching-up', server, header });
        }
        let batch: EntryBatch = unseen ?? (await connection.nextBatch(isDue));
        unseen = undefined;
        servers.succeeded();
        if (until !== undefined) left ??= until < batch.firstEntry ? 0n : until - batch.firstEntry + 1n;
        if (left === 0n) return undefined;
        if (left !== undefined) {
          if (left < BigInt(batch.count)) batch = batch.slice(0, Number(left));
          left -= BigInt(batch.count);
        }
        if (!reuseBuffer) batch = batch.copy();
        track.give(batch);
        yield batch;
        if (left === 0n) return undefined;
        if (reuseBuffer) track.keepLast();
      }
    } catch (error) {
      await servers.failed(error);
    } finally {
      connection?.close();
    }
  }
  return undefined;
}

/**
 * Starts the stream. Where the entry before `from` is known, it is asked for again, on this very connection, so that
 * nothing can change between the check and the stream; what has come behind it is returned.
 */
async function start(
  connection: Connection,
  from: bigint | Uint8Array,
  header: Header,
  track: Track,
): Promise<EntryBatch | undefined> {
  const { server } = connection;
  if (typeof from === 'bigint' && from > header.totalEntries) {
    throw beyondEnd(server, from, header.totalEntries);
  }
  const overlaps = typeof from === 'bigint' && from > 0n && track.knowsLast;
  try {
    await connection.start(overlaps ? from - 1n : from);
  } catch (cause) {
    if (!(cause instanceof ClientError)) throw cause;
    if (cause.result?.code === ResultCode.badFromBookmark) {
      const { result } = cause;
      throw new ClientError('unknown-bookmark', `${server}: the bookmark is not known (${result.code})`, {
        result,
      });
    }
    if (cause.result?.code === ResultCode.badFromEntry && typeof from === 'bigint') {
      const { totalEntries } = await connection.header();
      if (from > totalEntries) throw beyondEnd(server, from, totalEntries, cause);
      const message = `${server}: the stream was cut and has grown again while it was started: it is started anew`;
      throw new ClientError('disconnected', message, { cause });
    }
    throw cause;
  }
  if (!overlaps) return undefined;
  const batch = await connection.nextBatch(true);
  if (!track.isLast(batch.slice(0, 1).bytes)) {
    const message = `${server}: entry ${batch.firstEntry} is not what it was: this is not the stream followed before`;
    throw new ClientError('wrong-stream', message, { totalEntries: header.totalEntries });
  }
  return batch.count > 1 ? batch.slice(1, batch.count) : undefined;
}

function beyondEnd(server: string, from: bigint, totalEntries: bigint, cause?: unknown): ClientError {
  const message = `${server}: entry ${from} is beyond the stream's end: it has ${totalEntries} entries`;
  return new ClientError('beyond-end', message, { cause, totalEntries });
}

function checkIdentity(server: string, header: Header, { identity }: Track): void {
  if (!identity) return;
  if (header.systemId === identity.systemId && header.streamType === identity.streamType) return;
  throw new ClientError(
    'wrong-stream',
    `${server}: the stream has system id ${header.systemId} and type ${header.streamType}, ` +
      `but the one followed so far has ${identity.systemId} and ${identity.streamType}`,
  );
}
