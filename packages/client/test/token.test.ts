// Goal: a token is shown before anything else is asked, on every connection, and what a server has against it is told as what
// it is.
import { describe, expect, it } from 'vitest';
import { encodeResult, result, ResultCode, type ClientCommand } from '@ds/codec';

import { goldenEntries, goldenHeader } from '../../codec/test/golden.js';
import type { StreamServer } from '../../server/src/index.js';
import { bytesOf, goldenStream, serve } from '../../server/test/support/stream.js';
import { CuttingProxy } from './support/cutting-proxy.js';
import { answering, FakeServer, headerAnswer, OK } from './support/fake-server.js';
import { addressOf, client, collect, digits } from './support/follow.js';

const token = new TextEncoder().encode('grüß dich');
const patient = { retry: { attemptsMax: 10_000 } };

async function serveWithToken(): Promise<StreamServer> {
  return serve(await goldenStream(), { clients: { host: '127.0.0.1', port: 0, token } });
}

describe('A token', () => {
  it.each([
    ['as bytes', token],
    ['as text', 'grüß dich'],
  ])('%s opens a server that asks for it', async (_name, shown) => {
    const asking = client(addressOf(await serveWithToken()), { token: shown });
    expect(await asking.header()).toEqual(goldenHeader);
    expect(digits(await collect(asking, { count: 3n }))).toEqual(digits(goldenEntries));
  });

  it('is shown again on each connection', async () => {
    const server = await serveWithToken();
    const proxy = await CuttingProxy.start({
      port: () => server.clientAddress.port,
      cutAfter: (nth) => (nth < 3 ? 11 + 11 + 38 + 11 + 30 : undefined),
    });
    const following = client(proxy.address, { ...patient, token });
    expect(digits(await collect(following, { count: 3n }))).toEqual(digits(goldenEntries));
    expect(proxy.connections).toBe(4);
  });

  it('is shown first', async () => {
    const commands: ClientCommand['kind'][] = [];
    const server = await FakeServer.start(
      answering(({ kind }) => {
        commands.push(kind);
        if (kind === 'header') return headerAnswer;
        return kind === 'start' ? Buffer.concat([OK, bytesOf(goldenEntries)]) : OK;
      }),
    );
    await collect(client(server.address, { token }), { count: 3n });
    expect(commands).toEqual(['authenticate', 'header', 'start']);
  });

  it.each([
    ['that is wrong', 'another'],
    ['that is missing', undefined],
  ])('%s is told at once, and not shown again', async (_name, shown) => {
    const server = await serveWithToken();
    const proxy = await CuttingProxy.start({
      port: () => server.clientAddress.port,
      cutAfter: () => undefined,
    });
    const options = shown === undefined ? patient : { ...patient, token: shown };
    const refused = { name: 'ClientError', code: 'unauthorized', result: { code: ResultCode.unauthorized } };
    await expect(collect(client(proxy.address, options), {})).rejects.toMatchObject(refused);
    await expect(client(proxy.address, options).header()).rejects.toMatchObject(refused);
    expect(proxy.connections).toBe(2);
  });

  it('that a server does not know what to do with is told as that', async () => {
    const server = await FakeServer.start((socket) =>
      socket.once('data', () => socket.end(encodeResult(result(ResultCode.invalidCommand)))),
    );
    const outcome = collect(client(server.address, { ...patient, token }), {});
    await expect(outcome).rejects.toMatchObject({
      code: 'no-authentication',
      message: expect.stringContaining('514') as string,
      result: { code: ResultCode.invalidCommand },
    });
    expect(server.connections).toBe(1);
  });

  it('that cannot be sent is refused at once', () => {
    expect(() => client('127.0.0.1:1', { token: new Uint8Array(4097) })).toThrow(
      expect.objectContaining({ code: 'bad-option' }),
    );
  });

  it.each(['', new Uint8Array(0)])('that is empty is none', async (empty) => {
    expect(await client(addressOf(await serve(await goldenStream())), { token: empty }).header()).toEqual(
      goldenHeader,
    );
    const asking = client(addressOf(await serveWithToken()), { token: empty });
    await expect(asking.header()).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('asks for a token') as string,
    });
  });

  it('is not waited for without end', async () => {
    const server = await FakeServer.start((socket) => socket.resume());
    const asking = client(server.address, { token, answerMs: 100 });
    await expect(asking.header()).rejects.toMatchObject({ code: 'timeout' });
  });
});
