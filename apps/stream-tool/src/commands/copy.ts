/** The command that copies a stream, also while a server writes it. */

import { defineCommand } from '@ds/app-kit';
import { copyStreamFile } from '@ds/stream-file';
import { copyOptions } from '../options.js';
import { withProgress } from '../progress.js';
import { entriesText, grouped } from '../text.js';

export const copy = defineCommand({
  description: 'Makes a compact, verified copy of what is committed now. The file may be in use.',
  options: copyOptions,
  examples: ['ds-stream copy /var/lib/ds/stream.bin /backup/stream.bin'],
  async main({ file, to }, { signal, write }) {
    const copied = await withProgress('copying', (onProgress) =>
      copyStreamFile(file, to, { signal, onProgress }),
    );
    await write(`${to}: ${entriesText(copied.entries)} in ${grouped(copied.length)} bytes\n`);
  },
});
