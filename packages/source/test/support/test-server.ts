/** A real server over a stream file in a temporary folder; it can be stopped and started again on the same port. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';
import type { Entry } from '@ds/codec';
import { StreamServer, type PortOptions } from '@ds/server';
import { StreamFile } from '@ds/stream-file';

import { temporaryFolder } from '../../../codec/test/support/temporary-folder.js';

export const identity = { systemId: 137n, streamType: 1n, version: 1 };
const host = '127.0.0.1';

/** What sources must show. */
type Access = Pick<PortOptions, 'token' | 'tls'>;

export class TestServer {
  readonly #path: string;
  readonly #access: Access;
  #running: { readonly file: StreamFile; readonly server: StreamServer } | undefined;
  #port = 0;

  private constructor(path: string, access: Access) {
    this.#path = path;
    this.#access = access;
  }

  /** Starts a server with an empty stream; it goes with the test. */
  static async start(access: Access = {}): Promise<TestServer> {
    const server = new TestServer(join(await temporaryFolder(), 'stream.bin'), access);
    onTestFinished(() => server.stop());
    await server.start();
    return server;
  }

  /** Port for sources. */
  get port(): number {
    return this.#port;
  }

  /** Address for sources. */
  get address(): string {
    return `${host}:${this.#port}`;
  }

  get file(): StreamFile {
    if (!this.#running) throw new Error('the server is stopped');
    return this.#running.file;
  }

  get totalEntries(): bigint {
    return this.file.header.totalEntries;
  }

  async start(): Promise<void> {
    const file = await StreamFile.open(this.#path, { create: identity, durability: 'os' });
    const server = await StreamServer.start({
      file,
      clients: { host, port: 0 },
      source: { host, port: this.#port, ...this.#access },
      limits: { closeMs: 50 },
    });
    this.#running = { file, server };
    this.#port = server.sourceAddress?.port ?? 0;
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.server.close();
    await running?.file.close();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** All entries of the stream, read one by one, as `describeEntry` writes them. */
  async entries(): Promise<string[]> {
    const entries: string[] = [];
    for (let number = 0n; number < this.totalEntries; number++) {
      const entry = await this.file.getEntry(number);
      entries.push(entry ? describeEntry(entry) : `${number}: missing`);
    }
    return entries;
  }
}

/** An entry as a line: equal for equal entries, and quick to compare however large they are. */
export function describeEntry({ number, type, data }: Entry): string {
  const content =
    data.length > 64 ? createHash('sha256').update(data).digest('hex') : Buffer.from(data).toString('hex');
  return `${number}: type ${type}, ${data.length} bytes ${content}`;
}
