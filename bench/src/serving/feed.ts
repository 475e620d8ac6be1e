// How many entries a second a source brings into a server's file over TCP, acknowledged: operations of 10 entries of 128
// bytes with a bookmark, pipelined, durability `os`; beside bare processes that send, receive and write as many bytes.
import { join } from 'node:path';
import type { Benchmark } from '../benchmark.js';
import { inFolder } from '../folder.js';
import { Child } from '../processes/child.js';
import type { BareProgram } from './bare-program.js';
import { FED_ENTRIES } from './operations.js';
import type { ServerProgram } from './server-program.js';
import type { SourceProgram } from './source-program.js';

export const feed: Benchmark = {
  name: 'feed',
  async run({ smoke }) {
    const operations = smoke ? 200 : 200_000;
    const entriesPerSecond = (ms: number): number => (operations * (FED_ENTRIES + 1) * 1000) / ms;
    const bare = await inFolder(async (folder) => {
      await using receiver = Child.start<BareProgram>('bare');
      await using sender = Child.start<SourceProgram>('source');
      const port = await receiver.ask('store', { path: join(folder, 'bytes') });
      return entriesPerSecond(await sender.ask('send', { port, operations }));
    });
    const ours = await inFolder(async (folder) => {
      await using server = Child.start<ServerProgram>('server');
      await using source = Child.start<SourceProgram>('source');
      await server.ask('serve', { path: join(folder, 'stream.bin') });
      const port = await server.ask('sourcePort', undefined);
      return entriesPerSecond(await source.ask('feed', { port, operations }));
    });
    return [
      { what: 'bare: entries', value: bare / 1000, unit: 'k/s' },
      { what: 'source to server: entries', value: ours / 1000, unit: 'k/s', ratio: ours / bare },
    ];
  },
};
