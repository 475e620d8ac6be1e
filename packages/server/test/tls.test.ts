// Goal: over TLS everything is as it is in the clear, nobody is let in who should not be, and certificates can be replaced
// under a running server.
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';

import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeSourceMessage, ResultCode } from '@ds/codec';
import { certificates } from '@ds/test-kit';

import { goldenExchanges, goldenStart } from '../../codec/test/golden.js';
import type { Logger, ServerLimits, ServerObserver, StreamServer, TlsFiles } from '../src/index.js';
import { command, fill, MIB, OK } from './support/client.js';
import { hex, packetsIn, Peer } from './support/peer.js';
import { openSource } from './support/source.js';
import {
  commit,
  emptyStream,
  goldenStream,
  numbered,
  bytesOf,
  serve,
  serving,
  sourceAddress,
} from './support/stream.js';

const { authority, client, server: pair, nextServer, stranger } = certificates;
const header = command({ kind: 'header' });
const headerAnswerBytes = OK.length + 38;

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Files with a pair, in a folder of their own; looked at all the time. */
async function tlsFiles(from: Pair = pair): Promise<TlsFiles & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'stream-tls-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
  await writePair(files, from);
  return { ...files, folder, reloadMs: 10 };
}

async function writePair({ certFile, keyFile }: TlsFiles, { cert, key }: Pair): Promise<void> {
  await writeFile(certFile, cert);
  await writeFile(keyFile, key);
}

interface TlsServer {
  readonly server: StreamServer;
  readonly files: TlsFiles & { readonly folder: string };
  /** What it has logged at `info` and `error`. */
  readonly log: string[];
  /** Why it has not let peers in. */
  readonly refusals: string[];
}

async function serveTls(
  limits: Partial<ServerLimits> = {},
  { clientsToo = false, files: given }: { clientsToo?: boolean; files?: TlsServer['files'] } = {},
): Promise<TlsServer> {
  const files = given ?? (await tlsFiles());
  const clientCaFile = join(files.folder, 'clients.crt');
  await writeFile(clientCaFile, authority);
  const tls = { ...files, ...(clientsToo && { clientCaFile }) };
  const log: string[] = [];
  const keep = (_fields: object, message: string): void => void log.push(message);
  const ignore = (): void => undefined;
  const logger: Logger = { debug: ignore, info: keep, warn: ignore, error: keep };
  const port = { host: '127.0.0.1', port: 0, tls };
  const refusals: string[] = [];
  const observer: ServerObserver = {
    accepted: ignore,
    refused: (kind, reason) => void refusals.push(`${kind} ${reason}`),
    disconnected: ignore,
    rejected: ignore,
    sent: ignore,
  };
  const server = await serve(await goldenStream(), { clients: port, source: port, limits, logger, observer });
  return { server, files, log, refusals };
}

async function ask(peer: Peer): Promise<void> {
  peer.send(header);
  await peer.take(headerAnswerBytes);
}

/** The name in the certificate that the server shows to whom connects now. */
async function shownName({ server }: TlsServer): Promise<unknown> {
  const peer = await Peer.connectTls(server.clientAddress);
  const { socket } = peer;
  if (!(socket instanceof TLSSocket)) throw new Error('the connection is not a TLS one');
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return CN;
}

describe('A client over TLS', () => {
  it('is answered as one in the clear', async () => {
    const { server } = await serveTls();
    for (const { state, request, answer, closes } of goldenExchanges) {
      const peer = await Peer.connectTls(server.clientAddress);
      if (state === 'streaming') {
        peer.send(goldenStart.request);
        await peer.take(goldenStart.answer.length);
      }
      peer.send(request);
      if (closes) expect(hex(await peer.rest())).toBe(hex(answer));
      else expect(hex(await peer.take(answer.length))).toBe(hex(answer));
      peer.socket.destroy();
    }
  });

  it('gets all of a long stream, and what is committed then', async () => {
    const tls = await tlsFiles();
    const file = await emptyStream();
    const entries = await fill(file, 16);
    const server = await serve(file, { clients: { host: '127.0.0.1', port: 0, tls } });
    const peer = await Peer.connectTls(server.clientAddress);
    peer.send(command({ kind: 'start', fromEntry: 0n }));
    await peer.take(OK.length);
    expect(Buffer.from(bytesOf(entries)).equals(await peer.take(16 * MIB))).toBe(true);
    const data = Uint8Array.of(1);
    await commit(file, [{ type: 1, data }]);
    expect(hex(await peer.take(18))).toBe(hex(bytesOf(numbered(32n, [{ type: 1, data }]))));
  });

  it('is still answered when it has ended its side', async () => {
    const { server } = await serveTls();
    const peer = await Peer.connectTls(server.clientAddress);
    peer.send(header, header);
    peer.socket.end();
    expect(await peer.rest()).toHaveLength(2 * headerAnswerBytes);
  });

  it('is told that the server closes', async () => {
    const { server } = await serveTls();
    const peer = await Peer.connectTls(server.clientAddress);
    await ask(peer);
    const closing = server.close();
    expect(packetsIn(await peer.rest())).toMatchObject([{ code: ResultCode.shuttingDown }]);
    peer.socket.end();
    await closing;
  });

  it('does not get TLS 1.1', async () => {
    const { server } = await serveTls();
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' } as const;
    await expect(Peer.connectTls(server.clientAddress, old)).rejects.toThrow();
    await ask(await Peer.connectTls(server.clientAddress, { maxVersion: 'TLSv1.2' }));
  });
});

describe('A source over TLS', () => {
  it('is let in', async () => {
    const { server } = await serveTls();
    const peer = await Peer.connectTls(sourceAddress(server));
    peer.send(encodeSourceMessage(openSource(), 1n));
    expect(hex(await peer.take(OK.length))).toBe(hex(OK));
  });
});

describe('A port that asks peers for certificates', () => {
  const refused = async (server: StreamServer, own: Partial<Pair>): Promise<void> => {
    // With TLS 1.3 a client learns of it only after the handshake.
    const peer = await Peer.connectTls(server.clientAddress, own).catch(() => undefined);
    peer?.send(header);
    expect((await peer?.rest()) ?? []).toHaveLength(0);
  };

  it('lets in who shows a good one, and nobody else', async () => {
    const { server, refusals } = await serveTls({}, { clientsToo: true });
    await ask(await Peer.connectTls(server.clientAddress, client));
    await refused(server, {});
    await refused(server, stranger);
    await expect.poll(() => server.clientCount).toBe(1);
    await expect.poll(() => refusals).toEqual(['client handshake', 'client handshake']);
  });
});

describe('A handshake', () => {
  it('that is none is ended in the time that it has, however slowly it goes on', async () => {
    const { server, refusals } = await serveTls({ handshakeMs: 300 });
    const silent = await Peer.connect(server.clientAddress);
    const slow = await Peer.connect(server.clientAddress);
    // The head of a TLS record of 256 bytes, and then some of them.
    slow.send(Uint8Array.of(22, 3, 1, 1, 0));
    const sending = setInterval(() => {
      slow.send(Uint8Array.of(1));
    }, 20);
    const plain = await Peer.connect(server.clientAddress);
    plain.send(header);
    await Promise.all([silent, slow, plain].map((peer) => peer.until(() => peer.closed || peer.ended)));
    clearInterval(sending);
    expect(silent.totalBytes + slow.totalBytes).toBe(0);
    await ask(await Peer.connectTls(server.clientAddress));
    await expect.poll(() => refusals).toEqual(Array.from({ length: 3 }, () => 'client handshake'));
  });

  it('counts as a connection', async () => {
    const { server } = await serveTls({ clientsMax: 1 });
    const first = await Peer.connect(server.clientAddress);
    await expect(Peer.connectTls(server.clientAddress)).rejects.toThrow();
    first.socket.destroy();
    await expect.poll(() => Peer.connectTls(server.clientAddress).then(ask)).toBeUndefined();
  });

  it('does not hold up a server that closes', async () => {
    const { server, refusals } = await serveTls({ closeMs: 60_000 });
    const peer = await Peer.connect(server.clientAddress);
    await ask(await Peer.connectTls(server.clientAddress));
    const closing = server.close();
    await peer.until(() => peer.closed || peer.ended);
    await closing;
    expect(refusals).toEqual([]);
  });
});

/** Puts a file in place of another one at once: nobody reads a half of it. */
async function replaceFile(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
}

describe('A new certificate', () => {
  it('is used for whom connects then, and changes nothing for the others', async () => {
    const tls = await serveTls();
    const peer = await Peer.connectTls(tls.server.clientAddress);
    expect(await shownName(tls)).toBe('server');
    await writePair(tls.files, nextServer);
    await expect.poll(() => shownName(tls)).toBe('next server');
    // A worker's log comes over its channel, and may come behind what it does.
    await expect.poll(() => tls.log).toContain('new TLS certificate in use');
    await ask(peer);
  });

  it('is found behind links that are changed, as for a Kubernetes secret', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stream-tls-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const at = (...names: string[]): string => join(folder, ...names);
    for (const [version, from] of [
      ['1', pair],
      ['2', nextServer],
    ] as const) {
      await mkdir(at(version));
      await writePair({ certFile: at(version, 'tls.crt'), keyFile: at(version, 'tls.key') }, from);
    }
    await symlink('1', at('..data'));
    for (const name of ['tls.crt', 'tls.key']) await symlink(join('..data', name), at(name));
    const files = { certFile: at('tls.crt'), keyFile: at('tls.key'), folder, reloadMs: 10 };
    const tls = await serveTls({}, { files });
    expect(await shownName(tls)).toBe('server');
    await symlink('2', at('..data_tmp'));
    await rename(at('..data_tmp'), at('..data'));
    await expect.poll(() => shownName(tls)).toBe('next server');
  });

  it.each([
    ['without its key', ({ certFile }: TlsFiles) => replaceFile(certFile, nextServer.cert)],
    ['that is none', ({ certFile }: TlsFiles) => replaceFile(certFile, 'no certificate')],
    ['that is gone', ({ certFile }: TlsFiles) => rm(certFile)],
  ])(
    '%s is logged once by each process and port, and the old one kept until there is a good one',
    async (_name, spoil) => {
      const tls = await serveTls();
      await spoil(tls.files);
      const problems = (): string[] => tls.log.filter((message) => message.includes('is not good'));
      // The source's port is served by one process.
      const logged = 1 + (serving.workers?.count ?? 1);
      await expect.poll(problems).toHaveLength(logged);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(problems()).toHaveLength(logged);
      expect(await shownName(tls)).toBe('server');
      await writePair(tls.files, nextServer);
      await expect.poll(() => shownName(tls)).toBe('next server');
    },
  );
});

describe('A server whose certificate cannot be used', () => {
  it.each([
    ['is missing', { certFile: '/nowhere/tls.crt' }, 'no such file'],
    ['does not fit its key', { keyFile: 'other.key' }, 'mismatch'],
    ['comes with no authority', { clientCaFile: 'other.key' }, 'PEM'],
  ])('does not start: it %s', async (_name, changes, reason) => {
    const files = await tlsFiles();
    await writeFile(join(files.folder, 'other.key'), nextServer.key);
    const inFolder = Object.fromEntries(
      Object.entries(changes).map(([name, path]) => [
        name,
        join(path.startsWith('/') ? '' : files.folder, path),
      ]),
    );
    const clients = { host: '127.0.0.1', port: 0, tls: { ...files, ...inFolder } };
    const starting = serve(await goldenStream(), { clients });
    await expect(starting).rejects.toMatchObject({ name: 'ServerError', code: 'tls' });
    await expect(starting).rejects.toThrow(reason);
  });
});
