// Goal: a system that has no room for a process costs clients, and never the main process: that tries again. What `fork` does
// then is put in its place, as it was seen: without memory it throws, without descriptors it gives a child without a channel.
import { ChildProcess, type fork } from 'node:child_process';

import { expect, it, onTestFinished, vi } from 'vitest';

import { StreamServer, type Logger } from '../src/index.js';
import { Peer } from './support/peer.js';
import { goldenStream, serve, serving } from './support/stream.js';
import './support/workers.js';

/** What the next calls of `fork` do instead. */
const failures: (() => ChildProcess)[] = [];

vi.mock('node:child_process', async (original) => {
  const actual = await original<{ fork: typeof fork }>();
  return {
    ...actual,
    fork: (...args: Parameters<typeof fork>) => failures.shift()?.() ?? actual.fork(...args),
  };
});

function throwsWithoutMemory(): never {
  throw Object.assign(new Error('spawn ENOMEM'), { code: 'ENOMEM' });
}

function failsWithoutDescriptors(): ChildProcess {
  const child = new ChildProcess();
  process.nextTick(() => child.emit('error', new Error('spawn EMFILE')));
  return child;
}

it('A worker that cannot be replaced is tried again', async () => {
  const started: number[] = [];
  const errors: string[] = [];
  const ignore = (): void => undefined;
  const logger: Logger = {
    debug: (fields, message) => {
      if (message === 'worker started') started.push((fields as { worker: number }).worker);
    },
    info: ignore,
    warn: ignore,
    error: (_fields, message) => errors.push(message),
  };
  const workers = { ...serving.workers!, count: 1 };
  const server = await serve(await goldenStream(), { logger, workers });
  failures.push(throwsWithoutMemory, failsWithoutDescriptors);
  process.kill(started[0]!, 'SIGKILL');
  await expect.poll(() => server.workers, { timeout: 10_000 }).toMatchObject({ running: 1, lost: 2 });
  expect(errors).toEqual(['worker has ended', 'worker cannot be started', 'worker has ended']);
  await Peer.connect(server.clientAddress);
});

it.each([
  ['memory', throwsWithoutMemory],
  ['descriptors', failsWithoutDescriptors],
])('A server does not start without %s for its workers, and says so', async (_what, failure) => {
  const file = await goldenStream();
  failures.push(failure);
  onTestFinished(() => void failures.splice(0));
  const clients = { host: '127.0.0.1', port: 0 };
  await expect(StreamServer.start({ file, clients, workers: serving.workers! })).rejects.toMatchObject({
    name: 'ServerError',
    code: 'worker',
    message: expect.stringContaining('spawn E') as string,
  });
});
