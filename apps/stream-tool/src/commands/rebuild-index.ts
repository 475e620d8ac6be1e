/** The command that reads all bookmarks of a stream again. */

import { defineCommand } from '@ds/app-kit';
import { inspect, rebuildIndex as rebuild } from '@ds/stream-file';
import { rebuildIndexOptions } from '../options.js';
import { withProgress } from '../progress.js';
import { entriesText } from '../text.js';

export const rebuildIndex = defineCommand({
  description: 'Builds the bookmark index again from the stream. Nobody else may have the file open.',
  options: rebuildIndexOptions,
  async main({ file, dryRun }, { write }) {
    const { committed } = await inspect(file);
    if (dryRun) {
      await write(
        `would read the bookmarks among ${entriesText(committed.entries)} again; nothing was changed\n`,
      );
      return;
    }
    await withProgress('indexing', (advance) =>
      rebuild(file, (_step, done, total) => {
        advance(done, total);
      }),
    );
    await write(`${file}: the bookmarks among ${entriesText(committed.entries)} were read again\n`);
  },
});
