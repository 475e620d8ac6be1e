/** The formats by name. */

import type { Format, FormatName } from './format.js';
import { json } from './json.js';
import { pretty, type Screen } from './pretty.js';
import { raw } from './raw.js';

/** A format for one stream. */
export function formatFor(name: FormatName, screen: Screen): Format {
  switch (name) {
    case 'pretty':
      return pretty(screen);
    case 'json':
      return json;
    case 'raw':
      return raw;
  }
}

/** The screen that this process's stdout is, if it is one. */
export function stdoutScreen(): Screen {
  const { isTTY, columns } = process.stdout;
  return { columns: isTTY ? columns : undefined, color: isTTY && !process.env['NO_COLOR'] };
}
