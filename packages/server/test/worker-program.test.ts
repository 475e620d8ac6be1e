// Goal: a worker outlives whatever becomes of a connection that waits, in it, for what the main process has said before.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

import { expect, it, onTestFinished } from 'vitest';

import { defaultLimits } from '../src/options.js';
import type { FromWorker, ToWorker } from '../src/workers/messages.js';
import { Peer } from './support/peer.js';
import { goldenStream, serving } from './support/stream.js';
import './support/workers.js';

it('A connection that is reset before it is served takes nobody with it', async () => {
  const { path, committedLength } = await goldenStream();
  const extent = { length: committedLength, entries: 3 };
  const worker = fork(serving.workers!.program, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  onTestFinished(() => void worker.kill('SIGKILL'));
  let complaints = '';
  worker.stderr?.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const left = new Promise<readonly number[]>((resolve) => {
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'left') resolve(message.ids);
    });
  });
  const tell = (message: ToWorker, socket?: Socket): void => {
    worker.send(message, socket, { keepOpen: true }, () => undefined);
  };
  tell({ kind: 'open', task: { path, reading: {}, limits: defaultLimits }, extent });
  await once(worker, 'message');

  const listening = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  onTestFinished(() => void listening.close());
  await once(listening, 'listening');
  const { port } = listening.address() as AddressInfo;
  const [accepted, peer] = await Promise.all([once(listening, 'connection'), Peer.connect({ port })]);
  const socket = accepted[0] as Socket;
  const reset = once(peer.socket, 'close');
  peer.socket.resetAndDestroy();
  await reset;

  // To begin with its file anew takes it longer than to notice that the connection is reset.
  tell({ kind: 'hold' });
  tell({ kind: 'resume', extent });
  tell({ kind: 'connection', id: 7 }, socket);
  expect(await Promise.race([left, once(worker, 'exit').then(() => complaints)])).toEqual([7]);
  socket.destroy();
});
