/** The commands that ask one question: `header`, `entry` and `bookmark`. */

import { checkConnect, defineCommand, formatHex, type Options } from '@ds/app-kit';
import { StreamClient } from '@ds/client';
import type { Format, Output } from '../formats/format.js';
import { formatFor, stdoutScreen } from '../formats/index.js';
import { bookmarkOptions, clientOptions, commonOptions, entryOptions } from '../options.js';

export const header = defineCommand({
  description: "Shows the stream's identity and size.",
  options: commonOptions,
  check: checkConnect,
  async main(given, { signal, write }) {
    await write(await ask(given, signal, async (client, format) => format.header(await client.header())));
  },
});

export const entry = defineCommand({
  description: 'Shows one entry.',
  options: entryOptions,
  check: checkConnect,
  async main(given, { signal, write }) {
    const answer = await ask(given, signal, async (client, format) => {
      const found = await client.entry(given.number);
      if (found) return format.entry(found);
      const { totalEntries } = await client.header();
      throw new Error(`there is no entry ${given.number}: the stream has ${totalEntries}, counted from 0`);
    });
    await write(answer);
  },
});

export const bookmark = defineCommand({
  description: 'Shows the first entry at or after a bookmark that is not a bookmark itself.',
  options: bookmarkOptions,
  check: checkConnect,
  async main(given, { signal, write }) {
    const answer = await ask(given, signal, async (client, format) => {
      const found = await client.bookmark(given.key);
      if (found) return format.entry(found);
      throw new Error(`there is no entry behind the bookmark ${formatHex(given.key)}`);
    });
    await write(answer);
  },
});

async function ask(
  given: Options<typeof commonOptions>,
  signal: AbortSignal,
  question: (client: StreamClient, format: Format) => Promise<Output>,
): Promise<Output> {
  const client = new StreamClient(await clientOptions(given));
  const close = (): void => void client.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    return await question(client, formatFor(given.format, stdoutScreen()));
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', close);
    await client.close();
  }
}
