/** `ds-demo`: a whole data stream on one machine, fed with recorded blocks and checked to the last byte. */

import { fileURLToPath } from 'node:url';
import { defineApp, field, packageVersion } from '@ds/app-kit';
import { runDemo } from './demo.js';

const recordedBlocks = fileURLToPath(new URL('../data/blocks.jsonl.gz', import.meta.url));

export const app = defineApp({
  name: 'ds-demo',
  version: packageVersion(import.meta.url),
  description:
    'Starts a server, two relays in a chain, a source and a client, each a process of its own; feeds recorded blocks; ' +
    'and checks that the client got, through the second relay, byte for byte what the source sent.',
  examples: ['ds-demo', 'ds-demo --keep'],
  options: {
    blocks: field
      .path()
      .default(recordedBlocks)
      .meta({ description: 'blocks to feed: JSON-RPC blocks, one a line; .gz is unpacked' }),
    liveBlocks: field
      .integer({ min: 0 })
      .default(100)
      .meta({ description: 'how many of the last blocks come one by one, as from a live chain' }),
    blockTime: field.duration({ min: 1 }).default(60).meta({ description: 'time between two live blocks' }),
    keep: field.flag().default(false).meta({ description: 'leave server and relays running at the end' }),
  },
  main: runDemo,
});
