// Goal: the Go reference and this package take turns on a file and stand in one chain, and nothing is lost. Method: its own
// program, which the environment variable DS_REFERENCE names (`go build -o NAME ./cmd` in zkevm-data-streamer); without it
// nothing is run. Each of its operations has a bookmark for a batch, one for a block, and three entries.
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';
import { startProgram, temporaryFolder, type Program } from '@ds/app-kit/testing';
import { StreamClient } from '@ds/client';
import { StreamSource } from '@ds/source';
import { StreamFile, verify } from '@ds/stream-file';

import { freePort, startApp } from './support/chain.js';

const reference = process.env['DS_REFERENCE'];
const host = '127.0.0.1';
const OPERATIONS = 30_000;
const ENTRIES_IN_OPERATION = 5;

/** Its bookmark of a block: a byte for the kind, and a u64. */
function keyOf(block: number): Uint8Array {
  const key = new Uint8Array(9);
  new DataView(key.buffer).setUint32(5, block);
  return key;
}

describe.skipIf(reference === undefined)('together with the reference', { timeout: 120_000 }, () => {
  function startReference(...args: readonly string[]): Program {
    return startProgram(reference!, [...args, '--log', 'error']);
  }

  /** Has it serve a file; resolves when it does. */
  async function serve(file: string): Promise<{ port: number } & AsyncDisposable> {
    const port = await freePort();
    const args = ['--file', file, '--port', String(port), '--sleep', '60000'];
    const program = startReference('server', ...args);
    for (let tries = 0; !(await isListening(port)); tries++) {
      if (tries === 100) throw new Error(`nobody listens on port ${port}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return { port, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
  }

  /** Has it add operations to a file. */
  async function write(file: string, operations: number): Promise<void> {
    const args = ['--file', file, '--port', String(await freePort()), '--opers', String(operations)];
    await using server = startReference('server', ...args);
    expect(await server.ended()).toMatchObject({ status: 0 });
  }

  /** How many of some bookmarks, over all of the stream, it finds in a file that it serves. */
  async function bookmarksFound(file: string, operations: number): Promise<number> {
    await using server = await serve(file);
    await using client = new StreamClient({ server: { host, port: server.port } });
    let found = 0;
    for (let block = 0; block < operations; block += operations / 100) {
      const entry = await client.bookmark(keyOf(block));
      if (entry?.number === BigInt(ENTRIES_IN_OPERATION * block + 2)) found++;
    }
    return found;
  }

  it('a file goes there and back', async () => {
    await using folder = await temporaryFolder();
    const path = folder.path('stream.bin');
    await write(path, OPERATIONS);
    expect(await verify(path)).toMatchObject({ state: 'foreign', problems: [] });
    {
      await using file = await StreamFile.open(path);
      expect(file.header.totalEntries).toBe(BigInt(ENTRIES_IN_OPERATION * OPERATIONS));
      expect(file.getBookmark(keyOf(OPERATIONS - 1))).toBe(file.header.totalEntries - 4n);
    }
    expect(await verify(path)).toMatchObject({ state: 'clean', index: 'checked', problems: [] });

    expect(await bookmarksFound(path, OPERATIONS)).toBe(100);
    await write(path, OPERATIONS);
    const index = folder.path('stream.db');
    expect(await readdir(index)).toContain('LOG');
    expect(await readFile(join(index, 'LOG'), 'utf8')).not.toContain('journal error');
    expect(await verify(path)).toMatchObject({ state: 'foreign', problems: [] });
    await using file = await StreamFile.open(path);
    expect(file.header.totalEntries).toBeGreaterThanOrEqual(BigInt(2 * ENTRIES_IN_OPERATION * OPERATIONS));
  });

  it('a file that it serves is refused', async () => {
    await using folder = await temporaryFolder();
    const path = folder.path('stream.bin');
    await write(path, 1);
    await using _server = await serve(path);
    await expect(StreamFile.open(path)).rejects.toMatchObject({ code: 'locked' });
  });

  it('a chain of a server, its relay and a relay carries what a source sends', async () => {
    await using folder = await temporaryFolder();
    const ports = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const [clients, sources, itsRelay, relay] = ports.map(String) as [string, string, string, string];
    const at = (port: string): string => `${host}:${port}`;
    await using server = startApp('server', [
      ...['--file', folder.path('server.bin'), '--host', host],
      ...['--port', clients, '--source-port', sources, '--system-id', '137'],
    ]);
    await server.ready();
    await using _its = startReference(
      ...['relay', '--server', at(clients), '--port', itsRelay, '--file', folder.path('its.bin')],
    );
    await using ours = startApp('relay', [
      ...['--upstream', at(itsRelay), '--file', folder.path('relay.bin'), '--host', host, '--port', relay],
      ...['--retry-interval', '200ms'],
    ]);

    await using source = await StreamSource.open({ servers: at(sources), systemId: 137n });
    const operations = 2000;
    for (let number = 0; number < operations; number++) {
      const operation = await source.startAtomicOp();
      operation.addBookmark(keyOf(number));
      for (let entry = 0; entry < 4; entry++) operation.addEntry(2, new Uint8Array(100).fill(number));
      const committed = operation.commit();
      // Now and then it has to send live.
      if (number % 100 === 0) await committed;
    }
    await ours.ready();

    const count = operations * 5;
    const streams = await Promise.all(
      [clients, itsRelay, relay].map(async (port) => {
        const args = ['--server', at(port), '--format', 'raw', 'follow', '--count', String(count)];
        await using client = startApp('client', args);
        expect(await client.ended()).toMatchObject({ status: 0 });
        return client.outBytes();
      }),
    );
    expect(streams[0]!.length).toBe(operations * (17 + 9 + 4 * 117));
    expect(Buffer.compare(streams[1]!, streams[0]!)).toBe(0);
    expect(Buffer.compare(streams[2]!, streams[0]!)).toBe(0);
  });
});

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => {
      resolve(false);
    });
  });
}
