/**
 * TLS over connections that were accepted. Certificate and key are files that are read again and again, so that a new pair
 * comes into use without a restart; a pair that is not good is logged, and the last good one stays in use.
 *
 * The files' contents are compared, not their times: that holds for files that are replaced, written in place, or reached
 * through links that are changed, as those of a Kubernetes secret are.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, createServer, type Server } from 'node:tls';

import { ServerError } from '../errors.js';
import type { Logger } from '../options.js';
import type { ByteSocket } from './listener.js';

/** Paths of PEM files. */
export interface TlsFiles {
  /** The server's certificate, followed by those in between up to the authority's. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Authorities of clients. With it, only peers that show a certificate signed by one of them are let in. */
  readonly clientCaFile?: string | undefined;
  /** How often the files are looked at, in milliseconds. Default 10 s. */
  readonly reloadMs?: number | undefined;
}

interface TlsContext {
  readonly logger: Logger;
  /** Time for a handshake, in milliseconds. */
  readonly handshakeMs: number;
  /** A connection is ready to be used. */
  secured(socket: ByteSocket): void;
  /** A connection is gone, or was cut off, before it was ready. */
  failed(): void;
}

interface Credentials {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

const RELOAD_MS = 10_000;

export class TlsAcceptor {
  readonly #files: TlsFiles;
  readonly #context: TlsContext;
  readonly #server: Server;
  /** Connections whose handshake is not done, by their peers' names, and what ends them. */
  readonly #handshakes = new Map<string, { readonly socket: ByteSocket; readonly timer: NodeJS.Timeout }>();
  readonly #reloading: NodeJS.Timeout;
  #inUse: Credentials;
  #isClosing = false;
  /** What is wrong with the files as they are now; said once. */
  #problem: string | undefined;
  #isReloading = false;

  private constructor(files: TlsFiles, context: TlsContext, credentials: Credentials) {
    this.#files = files;
    this.#context = context;
    this.#inUse = credentials;
    const withClients = credentials.ca !== undefined;
    this.#server = createServer({
      ...contextOptions(credentials),
      requestCert: withClients,
      rejectUnauthorized: withClients,
    });
    this.#server.on('secureConnection', (socket) => {
      this.#finish(nameOf(socket));
      socket.allowHalfOpen = true;
      context.secured(socket);
    });
    this.#server.on('tlsClientError', (error, socket) => {
      context.logger.debug({ peer: nameOf(socket), reason: error.message }, 'no TLS with a peer');
      socket.destroy();
    });
    this.#reloading = setInterval(() => void this.#reload(), files.reloadMs ?? RELOAD_MS);
    this.#reloading.unref();
  }

  /**
   * Reads the files.
   * @throws {ServerError} `tls`
   */
  static async open(files: TlsFiles, context: TlsContext): Promise<TlsAcceptor> {
    try {
      return new TlsAcceptor(files, context, await readCredentials(files));
    } catch (cause) {
      const paths = [files.certFile, files.keyFile, files.clientCaFile].filter(Boolean).join(', ');
      throw new ServerError('tls', `cannot use the TLS files ${paths}: ${messageOf(cause)}`, { cause });
    }
  }

  /** Begins the handshake on a connection, which is cut off if it takes too long. */
  accept(socket: ByteSocket): void {
    const name = nameOf(socket);
    const timer = setTimeout(() => socket.destroy(), this.#context.handshakeMs);
    this.#handshakes.set(name, { socket, timer });
    socket.once('close', () => {
      if (this.#handshakes.get(name)?.socket !== socket) return;
      this.#finish(name);
      if (!this.#isClosing) this.#context.failed();
    });
    // A peer that ends its side before it is let in is gone.
    socket.allowHalfOpen = false;
    this.#server.emit('connection', socket);
  }

  /** Watches the files no longer, and cuts off the connections that are not ready. */
  close(): void {
    this.#isClosing = true;
    clearInterval(this.#reloading);
    for (const { socket } of this.#handshakes.values()) socket.destroy();
  }

  #finish(name: string): void {
    clearTimeout(this.#handshakes.get(name)?.timer);
    this.#handshakes.delete(name);
  }

  async #reload(): Promise<void> {
    // One that takes long must not come behind a later one and undo it.
    if (this.#isReloading) return;
    this.#isReloading = true;
    const { certFile } = this.#files;
    try {
      const credentials = await readCredentials(this.#files);
      this.#problem = undefined;
      if (isSame(credentials, this.#inUse)) return;
      this.#server.setSecureContext(contextOptions(credentials));
      this.#inUse = credentials;
      const { subject, validTo } = new X509Certificate(credentials.cert);
      this.#context.logger.info({ certFile, subject, validTo }, 'new TLS certificate in use');
    } catch (error) {
      const problem = messageOf(error);
      if (problem === this.#problem) return;
      this.#problem = problem;
      this.#context.logger.error(
        { certFile, reason: problem },
        'new TLS certificate is not good: old one kept',
      );
    } finally {
      this.#isReloading = false;
    }
  }
}

/** Reads the files, and throws unless a server can use what stands in them. */
async function readCredentials({ certFile, keyFile, clientCaFile }: TlsFiles): Promise<Credentials> {
  const [cert, key, ca] = await Promise.all([
    readFile(certFile),
    readFile(keyFile),
    clientCaFile === undefined ? undefined : readFile(clientCaFile),
  ]);
  const credentials = { cert, key, ...(ca && { ca }) };
  createSecureContext(contextOptions(credentials));
  // A file without a certificate would be taken for no authority at all.
  if (ca) new X509Certificate(ca);
  return credentials;
}

function contextOptions(credentials: Credentials): Credentials & { minVersion: 'TLSv1.2' } {
  return { ...credentials, minVersion: 'TLSv1.2' };
}

function isSame(a: Credentials, b: Credentials): boolean {
  return a.cert.equals(b.cert) && a.key.equals(b.key) && a.ca?.toString() === b.ca?.toString();
}

/** No two connections that are open have the same. */
function nameOf({ remoteAddress, remotePort }: Pick<ByteSocket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress ?? 'unknown'}:${remotePort ?? 0}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
