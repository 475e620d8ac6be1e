// How fast `@ds/client` follows 256 MiB of entries of 128 bytes from `@ds/server`, in another process, beside a socket that
// reads as many bytes from a bare process into one buffer and does nothing with them.
import { connect } from 'node:net';
import { join } from 'node:path';
import { StreamClient } from '@ds/client';
import type { Benchmark, Figure } from './benchmark.js';
import { inFolder } from './folder.js';
import { Child } from './processes/child.js';
import type { BareProgram } from './serving/bare-program.js';
import { CORPUS_ENTRY_BYTES, corpusBytes, makeCorpus } from './serving/corpus.js';
import type { ServerProgram } from './serving/server-program.js';

const BUFFER_BYTES = 512 << 10;

/** Ways to follow so many entries. Each gives how many it has seen. */
const ways: readonly (readonly [string, (client: StreamClient, count: bigint) => Promise<number>])[] = [
  ['batches in one buffer, each entry viewed', (client, count) => viewBatches(client, count, true)],
  ['batches, each entry viewed', (client, count) => viewBatches(client, count, false)],
  ['batches, not looked into', countBatches],
  ['entry by entry', countEntries],
];

export const follow: Benchmark = {
  name: 'follow',
  run: (options) =>
    inFolder(async (folder) => {
      const path = join(folder, 'stream.bin');
      const bytes = corpusBytes(options.smoke) / 4;
      const entries = bytes / CORPUS_ENTRY_BYTES;
      await makeCorpus(path, bytes, options.seed);
      await using bare = Child.start<BareProgram>('bare');
      await using server = Child.start<ServerProgram>('server');
      const barePort = await bare.ask('send', { bytes });
      await using client = new StreamClient({
        server: { host: '127.0.0.1', port: await server.ask('serve', { path }) },
      });
      const passes = options.smoke ? 1 : 6;
      // The server verifies what it reads the first time.
      await countBatches(client, BigInt(entries));

      const limit = await best(passes, entries, () => readBare(barePort, bytes).then(() => entries));
      const figures: Figure[] = [
        { what: 'bytes of as many entries, bare socket', value: limit, unit: 'M/s' },
      ];
      for (const [what, way] of ways) {
        const rate = await best(passes, entries, () => way(client, BigInt(entries)));
        figures.push({ what, value: rate, unit: 'M/s', ratio: rate / limit });
      }
      await server.ask('close', undefined);
      return figures;
    }),
};

/** The best of several passes, in millions of entries a second. */
async function best(passes: number, entries: number, pass: () => Promise<number>): Promise<number> {
  let rate = 0;
  for (let nth = 0; nth < passes; nth++) {
    const startMs = performance.now();
    const seen = await pass();
    if (seen !== entries) throw new Error(`followed ${seen} entries, expected ${entries}`);
    rate = Math.max(rate, entries / (performance.now() - startMs) / 1000);
  }
  return rate;
}

async function viewBatches(client: StreamClient, count: bigint, reuseBuffer: boolean): Promise<number> {
  let seen = 0;
  for await (const batch of client.followBatches({ count, reuseBuffer })) {
    for (let index = 0; index < batch.count; index++) if (batch.data(index).length > 0) seen++;
  }
  return seen;
}

async function countBatches(client: StreamClient, count: bigint): Promise<number> {
  let seen = 0;
  for await (const batch of client.followBatches({ count, reuseBuffer: true })) seen += batch.count;
  return seen;
}

async function countEntries(client: StreamClient, count: bigint): Promise<number> {
  let seen = 0;
  for await (const { data } of client.follow({ count })) if (data.length > 0) seen++;
  return seen;
}

/** Reads so many bytes, whatever they are, that a bare process sends once it was sent something. */
function readBare(port: number, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = bytes;
    const buffer = new Uint8Array(BUFFER_BYTES);
    const callback = (count: number): boolean => {
      left -= count;
      if (left <= 0) {
        socket.destroy();
        resolve();
      }
      return true;
    };
    const socket = connect({ host: '127.0.0.1', port, onread: { buffer, callback } });
    socket.on('error', reject).write('start');
  });
}
