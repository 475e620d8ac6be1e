// Goal: over TLS all is as over TCP, with servers that can prove who they are, and no others.
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { createServer, type TlsOptions as ServerTlsOptions } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';

import { certificates } from '@ds/test-kit';
import { goldenEntries, goldenHeader } from '../../codec/test/golden.js';
import type { StreamServer } from '../../server/src/index.js';
import { fill } from '../../server/test/support/client.js';
import { emptyStream, goldenStream, serve } from '../../server/test/support/stream.js';
import { FakeServer, headerAnswer } from './support/fake-server.js';
import { addressOf, client, collect, digits } from './support/follow.js';

const singleAttempt = { retry: { attemptsMax: 0 } };
const trusting = { ca: certificates.authority };

/** Speaks TLS in front of a server; its address. All goes with the test. */
async function inFrontOf(server: StreamServer, options: ServerTlsOptions = {}): Promise<string> {
  const front = createServer({ ...certificates.server, ...options }, (socket) => {
    const behind = connect(server.clientAddress.port, '127.0.0.1');
    onTestFinished(() => {
      socket.destroy();
      behind.destroy();
    });
    socket.on('error', () => behind.destroy()).on('close', () => behind.destroy());
    behind
      .on('error', () => socket.destroy())
      .on('close', () => {
        socket.destroySoon();
      });
    socket.pipe(behind).pipe(socket);
  });
  front.on('tlsClientError', () => undefined);
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  onTestFinished(() => void front.close());
  return `127.0.0.1:${(front.address() as AddressInfo).port}`;
}

describe('Over TLS', () => {
  it('a server is asked and followed', async () => {
    const address = await inFrontOf(await serve(await goldenStream()));
    const asking = client(address, { tls: trusting });
    expect(await asking.header()).toEqual(goldenHeader);
    expect(digits(await collect(asking, { count: 3n }))).toEqual(digits(goldenEntries));
  });

  it.each([false, true])('many entries come as they are, one buffer: %s', async (reuseBuffer) => {
    const file = await emptyStream();
    const written = await fill(file, 8);
    const address = await inFrontOf(await serve(file));
    const batches = client(address, { tls: trusting }).followBatches({
      count: BigInt(written.length),
      reuseBuffer,
    });
    let next = 0;
    for await (const batch of batches) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      for (const { data } of batch) expect(Buffer.compare(data, written[next++]!.data)).toBe(0);
    }
    expect(next).toBe(written.length);
  });

  it('a server that nobody vouches for is not spoken to', async () => {
    const address = await inFrontOf(await serve(await goldenStream()));
    for (const tls of [true, { ca: certificates.strangers }]) {
      await expect(client(address, { tls }).header()).rejects.toMatchObject({
        code: 'connect',
        message: expect.stringMatching(
          /certificate.*: is the authority that has signed it given\?$/,
        ) as string,
      });
    }
    const named = { ...trusting, servername: 'another.example' };
    await expect(client(address, { tls: named }).header()).rejects.toMatchObject({ code: 'connect' });
  });

  it('a certificate of its own is shown where it is asked for', async () => {
    const options = { requestCert: true, ca: certificates.authority };
    const address = await inFrontOf(await serve(await goldenStream()), options);
    const tls = { ...trusting, ...certificates.client };
    expect(await client(address, { tls }).header()).toEqual(goldenHeader);
    // A server may end the connection without a word, or say that it wants one.
    await expect(client(address, { tls: trusting }).header()).rejects.toMatchObject({
      name: 'ClientError',
      message: expect.stringMatching(/certificate/) as string,
    });
    await expect(client(address, { tls: trusting }).header()).rejects.not.toMatchObject({
      message: expect.stringMatching(/\n|SSL routines/) as string,
    });
  });

  it('a server that does not speak it is told as one that cannot be connected to', async () => {
    const plain = addressOf(await serve(await goldenStream()));
    const short = { ...singleAttempt, connectMs: 500, tls: trusting };
    await expect(collect(client(plain, short), {})).rejects.toMatchObject({
      code: 'connect',
      message: `cannot connect to ${plain}: the server does not speak TLS at this port`,
    });
    const silent = await FakeServer.start((socket) => socket.resume());
    await expect(collect(client(silent.address, short), {})).rejects.toMatchObject({ code: 'timeout' });
  });

  it('a server that speaks it is of no use to a client that does not, which says what may be wrong', async () => {
    const address = await inFrontOf(await serve(await goldenStream()));
    await expect(collect(client(address, singleAttempt), {})).rejects.toMatchObject({
      code: 'disconnected',
      message: `${address}: the server has ended the connection without a word: does it speak TLS at this port?`,
    });
  });

  it('a server that resets the connection without a word is doubted in the same way', async () => {
    const server = await FakeServer.start((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const message = `${server.address}: the server has ended the connection without a word: does it speak TLS at this port?`;
    const error = { code: 'disconnected', message, cause: { code: 'ECONNRESET' } };
    await expect(client(server.address, singleAttempt).header()).rejects.toMatchObject(error);
  });

  it('a server that has answered before is not taken for another one when it answers no more', async () => {
    const server = await FakeServer.start((socket, nth) => {
      socket.once('data', () => {
        if (nth === 0) socket.end(headerAnswer);
        else socket.destroy();
      });
    });
    const asking = client(server.address, singleAttempt);
    await asking.header();
    await expect(asking.header()).rejects.toMatchObject({
      code: 'disconnected',
      message: expect.not.stringContaining('?') as string,
    });
    expect(server.connections).toBeGreaterThan(1);
  });

  it('a server that has answered and then ends the connection is not taken for another one', async () => {
    const server = await serve(await goldenStream());
    const following = client(addressOf(server), singleAttempt).follow({ from: 3n });
    const next = following.next();
    const rejection = expect(next).rejects.toMatchObject({
      code: 'disconnected',
      message: expect.stringMatching(/the server has ended the connection$/) as string,
    });
    await expect.poll(() => following.progress.totalEntries).toBe(3n);
    await server.close();
    await rejection;
  });
});
