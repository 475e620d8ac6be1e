/** A server with a stream to ask, and `ds-client` as its users start it. */

import { fileURLToPath } from 'node:url';
import { startProgram, temporaryFolder, type EndedProgram, type Program } from '@ds/app-kit/testing';
import { StreamServer, type StreamServerOptions } from '@ds/server';
import { StreamFile } from '@ds/stream-file';

/** The program. */
export const clientPath = fileURLToPath(new URL('../../bin/ds-client', import.meta.url));

export interface ServedStream extends AsyncDisposable {
  readonly server: StreamServer;
  /** Where it is: `host:port`. */
  readonly address: string;
}

/** One operation's entries: those of type 176 are bookmarks. */
export type Operation = readonly { readonly type: number; readonly data: Uint8Array }[];

/** Serves a stream of its own, chain 137, with these operations in it. */
export function serveStream(...operations: Operation[]): Promise<ServedStream> {
  return serveStreamWith({}, ...operations);
}

/** As `serveStream`, at a port that asks for what these options say. */
export async function serveStreamWith(
  port: Pick<StreamServerOptions['clients'], 'token' | 'tls'>,
  ...operations: Operation[]
): Promise<ServedStream> {
  const folder = await temporaryFolder();
  const create = { systemId: 137n, streamType: 1n, version: 1 };
  const file = await StreamFile.open(folder.path('stream.bin'), { create, durability: 'os' });
  const server = await StreamServer.start({ file, clients: { host: '127.0.0.1', port: 0, ...port } });
  for (const operation of operations) await commit(server, operation);
  return {
    server,
    address: `127.0.0.1:${server.clientAddress.port}`,
    async [Symbol.asyncDispose]() {
      await server.close();
      await file.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Commits one operation. */
export async function commit(server: StreamServer, operation: Operation): Promise<void> {
  await server.startAtomicOp();
  for (const { type, data } of operation) {
    if (type === 0xb0) server.addStreamBookmark(data);
    else server.addStreamEntry(type, data);
  }
  await server.commitAtomicOp();
}

/** Starts `ds-client --server ADDRESS ...`. */
export function startClient(address: string, ...args: string[]): Program {
  return startProgram(clientPath, ['--server', address, ...args]);
}

/** Runs `ds-client --server ADDRESS ...` to its end. */
export async function runClient(address: string, ...args: string[]): Promise<EndedProgram> {
  await using client = startClient(address, ...args);
  return await client.ended();
}

/** Runs `ds-client --server ADDRESS --format raw ...`; what it wrote, in hexadecimal. */
export async function rawOutput(address: string, ...args: string[]): Promise<string> {
  await using client = startClient(address, ...args, '--format', 'raw');
  await client.ended();
  return Buffer.from(client.outBytes()).toString('hex');
}
