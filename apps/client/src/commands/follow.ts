/** The command that writes entries as they come, over lost connections, until it is told to stop or has enough. */

import { defineCommand } from '@ds/app-kit';
import { StreamClient, type FollowState } from '@ds/client';
import { CatchUpProgress } from '../catch-up-progress.js';
import { formatFor, stdoutScreen } from '../formats/index.js';
import { clientOptions, followOptions } from '../options.js';

export const follow = defineCommand({
  description: 'Writes the entries of the stream, those to come too, as they come.',
  options: followOptions,
  examples: [
    'ds-client --server localhost:6900 follow --from 1000 --until 1999 --format raw > entries.bin',
    'ds-client --server localhost:6900 follow --from-bookmark 0x080210a8aae802 --retries forever',
  ],
  check({ from, fromBookmark, count, until }) {
    if (from !== undefined && fromBookmark !== undefined)
      return '--from and --from-bookmark exclude each other';
    if (count !== undefined && until !== undefined) return '--count and --until exclude each other';
    return undefined;
  },
  async main(given, { logger, signal, write }) {
    const { count, until, retries, retryWait } = given;
    const format = formatFor(given.format, stdoutScreen());
    const progress = new CatchUpProgress(process.stderr, {
      count,
      until,
      sharesScreen: process.stdout.isTTY,
    });
    const onState = (state: FollowState): void => {
      if (state.kind === 'catching-up') progress.streaming(state.header.totalEntries);
      else progress.stop();
      if (state.kind === 'reconnecting') logger.warn({ reason: state.error.message }, 'connection failed');
      else logger.debug({ server: state.server }, state.kind);
    };
    const client = new StreamClient({
      ...clientOptions(given),
      bufferBytes: given.buffer,
      retry: { attemptsMax: retries === 'forever' ? Infinity : retries, longestMs: retryWait },
      onState,
    });
    const range = {
      from: given.fromBookmark ?? given.from ?? 0n,
      ...(count !== undefined && { count }),
      ...(until !== undefined && { until }),
    };
    try {
      for await (const batch of client.followBatches({ ...range, signal })) {
        progress.makeRoom();
        await write(format.batch(batch));
        progress.advance(batch);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      progress.stop();
      await client.close();
    }
  },
});
