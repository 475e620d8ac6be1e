/** The formats by name. */

import type { Format, FormatName } from './format.js';
import { json } from './json.js';
import { pretty, type Screen } from './pretty.js';
import { raw } from './raw.js';

type Stdout = Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>;

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

/** The screen that stdout is, if it is one. A terminal that has no size says that it has 0 columns: nothing is cut for it. */
export function stdoutScreen({ isTTY, columns }: Stdout = process.stdout): Screen {
  return { columns: isTTY && columns > 0 ? columns : undefined, color: isTTY && !process.env['NO_COLOR'] };
}
