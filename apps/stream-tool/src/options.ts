/** What `ds-stream` can be told: the one place where each option, its default and its limits stand. */

import { field } from '@ds/app-kit';
import { BOOKMARK_BYTES_MAX } from '@ds/codec';

const file = field.path().meta({ positional: true, description: 'stream file' });
const json = field.flag().default(false).meta({ description: 'write one JSON object instead of text' });
const dryRun = field
  .flag()
  .default(false)
  .meta({ description: 'say what would be done, and change nothing' });
const entryNumber = (): ReturnType<typeof field.integer> => field.integer({ min: 0 });

export const inspectOptions = {
  file,
  types: field
    .flag()
    .default(false)
    .meta({ description: 'read the whole stream, and count bookmarks and entries by type' }),
  json,
};

export const verifyOptions = { file, json };

export const repairOptions = {
  file,
  yes: field.flag().default(false).meta({ description: 'do it; without, only say what would be done' }),
};

export const truncateOptions = {
  file,
  toEntry: entryNumber()
    .optional()
    .meta({ description: 'number that the next entry will have: this one and all after it go' }),
  toBookmark: field
    .hex({ min: 1, max: BOOKMARK_BYTES_MAX })
    .optional()
    .meta({ description: 'bookmark whose newest entry goes, with all after it' }),
  dryRun,
};

export const rebuildIndexOptions = { file, dryRun };

export const exportOptions = {
  file,
  from: entryNumber().default(0).meta({ description: 'first entry' }),
  to: entryNumber().optional().meta({ description: 'last entry; the stream ends it if not given' }),
  entriesPerOperation: field
    .integer({ min: 1, max: 1_000_000 })
    .default(1000)
    .meta({ description: 'entries in a line where operations are not known, fewer where they are large' }),
};

export const importOptions = {
  source: field.path().meta({ positional: true, description: 'file with one operation a line; - is stdin' }),
  into: field.path().meta({ description: 'stream file, made if it is missing' }),
  systemId: field
    .u64()
    .optional()
    .meta({ description: 'chain id: of a new file, or that the file must have' }),
  streamType: field
    .u64()
    .optional()
    .meta({ description: 'stream type: of a new file (1 if not given), or that the file must have' }),
  fileVersion: field
    .integer({ min: 0, max: 255 })
    .optional()
    .meta({ description: 'version: of a new file (3 if not given), or that the file must have' }),
  lineMax: field
    .size({ min: 1, max: 511 << 20 })
    .default(128 << 20)
    .meta({ description: 'longest line' }),
  dryRun,
};

export const copyOptions = {
  file,
  to: field.path().meta({ positional: true, description: 'file to make' }),
};
