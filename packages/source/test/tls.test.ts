// Goal: over TLS, and with a token, all is as without; a server that cannot prove who it is gets nothing, and one that asks for
// a token gets the right one. Method: real servers on real sockets.
import { describe, expect, it } from 'vitest';

import { certificateFiles, certificates, Random } from '@ds/test-kit';
import { temporaryFolder } from '../../codec/test/support/temporary-folder.js';
import type { ServerState, StreamSourceOptions } from '../src/index.js';
import { commit, filled, numbered, openSource, operation, send } from './support/operations.js';
import { Proxy } from './support/proxy.js';
import { okAnswer, scriptedServer } from './support/scripted-server.js';
import { TestServer } from './support/test-server.js';

const token = 'open sesame';
const trusting = { ca: certificates.authority };
const impatient = { openMs: 500, connectMs: 300, answerMs: 300 };

/** A server whose source port speaks TLS, asks for the token and, if wanted, for a certificate. */
async function guarded({ asksForCertificate = false } = {}): Promise<TestServer> {
  const { tls, authority } = await certificateFiles(await temporaryFolder());
  const asked = asksForCertificate ? { clientCaFile: authority } : {};
  return TestServer.start({ tls: { ...tls, ...asked }, token: Buffer.from(token) });
}

/** How opening a source fails, and what is told of the server. */
async function refusal(
  address: string,
  options: Partial<StreamSourceOptions>,
): Promise<{ error: unknown; states: ServerState[] }> {
  const states: ServerState[] = [];
  const onServerState = (state: ServerState): void => void states.push(state);
  const error: unknown = await openSource([address], { ...impatient, ...options, onServerState }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error, states };
}

describe('Over TLS, with a token,', () => {
  it('operations come in, also over connections that are cut', async () => {
    const random = new Random();
    const server = await guarded();
    const proxy = await Proxy.start(() => server.port);
    proxy.budget = () => ({ up: random.integer(20_000, 60_000), down: Infinity });
    const source = await openSource([proxy.address], { tls: trusting, token });
    const operations = Array.from({ length: 300 }, (_, index) => operation(index, random, 1_000));
    const committed: Promise<unknown>[] = [];
    for (const entries of operations) committed.push((await send(source, entries)).committed);
    await Promise.all(committed);
    expect(await server.entries()).toEqual(numbered(operations.flat()));
    expect(proxy.connections).toBeGreaterThan(3);
  });

  it('an operation of many MiB comes in', async () => {
    const server = await guarded();
    const source = await openSource([server.address], { tls: trusting, token });
    const large = Array.from({ length: 12 }, (_, at) => filled(at, 1_000_000));
    await commit(source, large);
    expect(await server.entries()).toEqual(numbered(large));
  });

  it('a certificate of its own is shown where it is asked for', async () => {
    const server = await guarded({ asksForCertificate: true });
    const source = await openSource([server.address], {
      tls: { ...trusting, ...certificates.client },
      token,
    });
    await commit(source, [filled(1)]);
    for (const tls of [trusting, { ...trusting, ...certificates.stranger }]) {
      const { error } = await refusal(server.address, { tls, token });
      expect(error).toMatchObject({ name: 'SourceError', code: 'no-server' });
    }
  });
});

describe('A server that', () => {
  it.each([
    ['nobody vouches for', { tls: true }, 'is the authority that has signed it given?'],
    [
      'strangers vouch for',
      { tls: { ca: certificates.strangers } },
      'is the authority that has signed it given?',
    ],
    ['has another name', { tls: { ...trusting, servername: 'another.example' } }, 'another.example'],
  ])('%s is shown no token', async (_name, options, hint) => {
    const server = await guarded();
    const { error, states } = await refusal(server.address, { ...options, token });
    expect(error).toMatchObject({
      name: 'SourceError',
      code: 'no-server',
      message: expect.stringContaining(server.address) as string,
    });
    const message = expect.stringContaining(hint) as string;
    expect(states[0]).toMatchObject({ kind: 'disconnected', error: { code: 'connect', message } });
    expect(server.file.epoch).toBe(0n);
  });

  it.each([
    ['another token', 'open wheat', 'it does not take this token'],
    ['no token', '', 'it asks for a token'],
  ])('is shown %s lets nobody in, and is not asked again', async (_name, wrong, said) => {
    const server = await guarded();
    const { error, states } = await refusal(server.address, { tls: trusting, token: wrong });
    expect(error).toMatchObject({
      name: 'SourceError',
      code: 'no-server',
      cause: {
        code: 'unauthorized',
        result: { code: 33 },
        message: `${server.address}: ${said}: Unauthorized (33)`,
      },
    });
    expect(states.map(({ kind }) => kind)).toEqual(['left-out']);
    expect(server.file.epoch).toBe(0n);
  });

  it('speaks TLS is of no use to a source that does not, which says what may be wrong', async () => {
    const { address } = await guarded();
    const { error } = await refusal(address, { token });
    const message = `${address}: the server has ended the connection without a word: does it speak TLS at this port?`;
    expect(error).toMatchObject({ code: 'no-server', cause: { code: 'disconnected', message } });
  });

  it('resets the connection without a word is doubted in the same way', async () => {
    const address = await scriptedServer({ message: (_message, socket) => void socket.resetAndDestroy() });
    const { error } = await refusal(address, {});
    const message = `${address}: the server has ended the connection without a word: does it speak TLS at this port?`;
    const cause = { code: 'disconnected', message, cause: { code: 'ECONNRESET' } };
    expect(error).toMatchObject({ code: 'no-server', cause });
  });

  it('has let the source in before is not taken for another one when it answers no more', async () => {
    let connections = 0;
    const address = await scriptedServer({
      message: (_message, socket) => {
        if (connections++ === 0) socket.end(okAnswer(0n));
        else socket.destroy();
      },
    });
    const messages: string[] = [];
    await openSource([address], {
      onServerState: (state) => state.kind === 'disconnected' && messages.push(state.error.message),
    });
    await expect.poll(() => messages.length).toBeGreaterThan(2);
    for (const message of messages) expect(message).not.toContain('?');
  });

  it('wants a certificate is of no use to a source without, which is told so without records and versions', async () => {
    const { address } = await guarded({ asksForCertificate: true });
    const { error } = await refusal(address, { tls: trusting, token });
    expect(error).toMatchObject({ code: 'no-server' });
    expect((error as Error).message).toMatch(/certificate/);
    expect((error as Error).message).not.toMatch(/\n|SSL routines/);
  });

  it('speaks no TLS is of no use to a source that does', async () => {
    const { address } = await TestServer.start();
    const { error } = await refusal(address, { tls: trusting });
    expect(error).toMatchObject({ name: 'SourceError', code: 'no-server' });
    const message = `cannot connect to ${address}: the server does not speak TLS at this port`;
    expect(error).toMatchObject({ cause: { code: 'connect', message } });
  });
});
