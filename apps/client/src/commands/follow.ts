/** The command that writes entries as they come, over lost connections, until it is told to stop or has enough. */

import { checkConnect, defineCommand } from '@ds/app-kit';
import {
  FileCheckpoint,
  StreamClient,
  type Following,
  type FollowOptions,
  type FollowState,
  type StreamPosition,
} from '@ds/client';
import { CatchUpProgress } from '../catch-up-progress.js';
import type { Output } from '../formats/format.js';
import { formatFor, stdoutScreen } from '../formats/index.js';
import { clientOptions, followOptions } from '../options.js';

/** How often the position is kept, at most. */
const KEPT_EVERY_MS = 1_000;
/** How often the server is asked how long the stream is, while a terminal shows how far it is. */
const ASKED_EVERY_MS = 2_000;

export const follow = defineCommand({
  description: 'Writes the entries of the stream, those to come too, as they come.',
  options: followOptions,
  examples: [
    'ds-client --server localhost:6900 follow --from 1000 --until 1999 --format raw > entries.bin',
    'ds-client --server localhost:6900 follow --from-bookmark 0x080210a8aae802 --retries forever',
    'ds-client --server one:6900,two:6900 follow --checkpoint consumer.position --format json >> entries.json',
  ],
  check({ from, fromBookmark, count, until, ...common }) {
    if (from !== undefined && fromBookmark !== undefined)
      return '--from and --from-bookmark exclude each other';
    if (count !== undefined && until !== undefined) return '--count and --until exclude each other';
    return checkConnect(common);
  },
  async main(given, { logger, signal, write }) {
    const { count, until, retries, retryWait, types } = given;
    const checkpoint = given.checkpoint === undefined ? undefined : new FileCheckpoint(given.checkpoint);
    const kept = await checkpoint?.load();
    const format = formatFor(given.format, stdoutScreen());
    const progress = new CatchUpProgress(process.stderr, {
      count,
      until,
      sharesScreen: process.stdout.isTTY,
    });
    const onState = (state: FollowState): void => {
      if (state.kind !== 'catching-up') progress.stop();
      if (state.kind === 'reconnecting') logger.warn({ reason: state.error.message }, 'connection failed');
      else logger.debug({ server: state.server }, state.kind);
    };
    const client = new StreamClient({
      ...(await clientOptions(given)),
      bufferBytes: given.buffer,
      retry: { attemptsMax: retries === 'forever' ? Infinity : retries, longestMs: retryWait },
      onState,
    });
    const range: FollowOptions = {
      from: kept ?? given.fromBookmark ?? given.from ?? 0n,
      ...(count !== undefined && { count }),
      ...(until !== undefined && { until }),
      signal,
    };
    const keeper = checkpoint && new PositionKeeper(checkpoint);
    const asking = progress.isShown ? askAgain(client) : undefined;
    const show = async <Item>(
      following: Following<Item>,
      output: (item: Item) => Output,
      first: (item: Item) => bigint,
    ): Promise<void> => {
      let isWritten = true;
      try {
        for await (const item of following) {
          isWritten = false;
          progress.makeRoom();
          await write(output(item));
          isWritten = true;
          progress.advance(first(item), following.progress);
          await keeper?.written(following);
        }
      } finally {
        if (isWritten) await keeper?.keep(following.position);
      }
    };
    try {
      if (types)
        await show(
          client.follow({ ...range, types }),
          (entry) => format.entry(entry),
          ({ number }) => number,
        );
      // What is written may wait in a queue, so it must stay what it is.
      else
        await show(
          client.followBatches(range),
          (batch) => format.batch(batch),
          ({ firstEntry }) => firstEntry,
        );
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      clearInterval(asking);
      progress.stop();
      await client.close();
    }
  },
});

/** Keeps the position behind what was written, once the operating system has taken it. */
class PositionKeeper {
  readonly #checkpoint: FileCheckpoint;
  #keptMs = performance.now();
  #kept: bigint | undefined;

  constructor(checkpoint: FileCheckpoint) {
    this.#checkpoint = checkpoint;
  }

  async written(following: Following<unknown>): Promise<void> {
    if (performance.now() - this.#keptMs < KEPT_EVERY_MS) return;
    await this.keep(following.position);
    this.#keptMs = performance.now();
  }

  async keep(position: StreamPosition | undefined): Promise<void> {
    if (!position || position.nextEntry === this.#kept || !(await isTaken())) return;
    await this.#checkpoint.save(position);
    this.#kept = position.nextEntry;
  }
}

/** Resolves when all that was written to stdout is handed on; with whether it could be. */
function isTaken(): Promise<boolean> {
  return new Promise((resolve) => {
    process.stdout.write('', (error) => {
      resolve(!error);
    });
  });
}

/** Asks now and then how long the stream is, which is what progress goes by. It does no harm if the answer does not come. */
function askAgain(client: StreamClient): NodeJS.Timeout {
  return setInterval(() => {
    client.header().catch(() => undefined);
  }, ASKED_EVERY_MS).unref();
}
