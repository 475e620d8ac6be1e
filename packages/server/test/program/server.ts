// A server in a process of its own, told what to do by messages: each request is answered by one message.
import { StreamFile } from '@ds/stream-file';

import { goldenIdentity } from '../../../codec/test/golden.js';
import { StreamServer, type WorkerOptions } from '../../src/index.js';
import type { Reply, Request } from '../support/server-process.js';

const [path = '', limits = '{}', workers = 'null'] = process.argv.slice(2);
const workerPids: number[] = [];
const ignore = (): void => undefined;
const file = await StreamFile.open(path, { create: goldenIdentity, durability: 'os' });
const server = await StreamServer.start({
  file,
  clients: { host: '0.0.0.0', port: 0 },
  limits: JSON.parse(limits) as object,
  ...(workers !== 'null' && { workers: JSON.parse(workers) as WorkerOptions }),
  logger: {
    debug: (fields, message) => {
      if (message === 'worker started') workerPids.push((fields as { worker: number }).worker);
    },
    info: ignore,
    warn: ignore,
    error: ignore,
  },
});

/** Commits operations of one entry, one after the other; returns how long each took. */
async function commit(count: number, bytes: number): Promise<number[]> {
  const tookMs: number[] = [];
  for (let nth = 0; nth < count; nth++) {
    const begunMs = performance.now();
    await server.startAtomicOp();
    server.addStreamEntry(1, new Uint8Array(bytes));
    await server.commitAtomicOp();
    tookMs.push(performance.now() - begunMs);
    await new Promise(setImmediate);
  }
  return tookMs;
}

process.on('message', (request: Request) => {
  void (async () => {
    const tookMs = request.commit ? await commit(request.commit.count, request.commit.bytes) : [];
    const { rss, arrayBuffers } = process.memoryUsage();
    const reply: Reply = {
      port: server.clientAddress.port,
      clients: server.clientCount,
      workers: workerPids,
      rss,
      arrayBuffers,
      tookMs,
    };
    process.send?.(reply);
  })();
});
process.on('disconnect', () => {
  void server.close().then(() => file.close());
});
