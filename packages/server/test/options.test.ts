// Goal: an option that makes no sense is refused before a port is opened, and one that is undefined is one that is not given.
// Method: the options as a program without types would give them.
import { describe, expect, it, onTestFinished } from 'vitest';

import { StreamServer, type PortOptions, type StreamServerOptions } from '../src/index.js';
import { command, OK } from './support/client.js';
import { hex, Peer } from './support/peer.js';
import { goldenStream } from './support/stream.js';

const port = { host: '127.0.0.1', port: 0 };

async function start(options: Partial<StreamServerOptions>): Promise<StreamServer> {
  const server = await StreamServer.start({ file: await goldenStream(), clients: port, ...options });
  onTestFinished(() => server.close());
  return server;
}

describe('Options of a server', () => {
  it.each<[string, Partial<StreamServerOptions>]>([
    ['clients.port is NaN: expected an integer, 0 to 65535', { clients: { ...port, port: Number.NaN } }],
    ['clients.port is undefined', { clients: { host: '127.0.0.1' } as PortOptions }],
    ['source.port is 65536: expected 0 to 65535', { source: { port: 65_536 } }],
    ['clients.token is of 0 bytes: expected 1 to 4096 bytes', { clients: { ...port, token: '' } }],
    ['source.token is of 0 bytes', { source: { ...port, token: new Uint8Array(0) } }],
    ['source.token is of 4097 bytes', { source: { ...port, token: 'x'.repeat(4097) } }],
    ['source.token is no text and no bytes', { source: { ...port, token: 7 as unknown as string } }],
    [
      'clients.tls.reloadMs is NaN',
      { clients: { ...port, tls: { certFile: 'a', keyFile: 'b', reloadMs: Number.NaN } } },
    ],
    ['limits.clientsMax is NaN', { limits: { clientsMax: Number.NaN } }],
    ['limits.sendBytesMax is 0: expected 1 to', { limits: { sendBytesMax: 0 } }],
    ['limits.queriesPerSecondMax is -1', { limits: { queriesPerSecondMax: -1 } }],
    ['limits.handshakeMs is Infinity: expected 0 to 2147483647', { limits: { handshakeMs: Infinity } }],
  ])('are refused: %s', async (message, options) => {
    const starting = start(options);
    await expect(starting).rejects.toMatchObject({ name: 'ServerError', code: 'bad-option' });
    await expect(starting).rejects.toThrow(message);
  });

  it('that are undefined are not given: a source gets in from this machine alone, and limits hold', async () => {
    const server = await start({
      clients: { ...port, token: undefined, tls: undefined },
      source: { port: 0, host: undefined, token: undefined },
      workers: undefined,
      limits: { sendBytesMax: undefined, handshakeMs: undefined, clientsMax: 0 },
      logger: undefined,
      observer: undefined,
    });
    expect(server.sourceAddress).toMatchObject({ host: '127.0.0.1' });
    expect((await start({ source: { port: 0, host: '' } })).sourceAddress).toMatchObject({
      host: '127.0.0.1',
    });
  });

  it('may have a token as text', async () => {
    const server = await start({ clients: { ...port, token: 'sesame' } });
    const peer = await Peer.connect(server.clientAddress);
    peer.send(command({ kind: 'authenticate', token: new TextEncoder().encode('sesame') }));
    expect(hex(await peer.take(OK.length))).toBe(hex(OK));
  });
});
