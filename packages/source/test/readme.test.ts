// Goal: the README is true: its example brings an operation in as it stands there.
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';

import { codeUnder, readDocument } from '../../codec/test/support/markdown.js';
import { StreamSource, type StreamSourceOptions } from '../src/index.js';
import { identity, TestServer } from './support/test-server.js';

it('The README has an example that brings in an operation', async () => {
  const server = await TestServer.start();
  // What a compiler makes of `await using`, which Node does not know everywhere.
  const program = codeUnder(readDocument('packages/source/README.md'), 'ts')
    .replace(/^import .*$/m, '')
    .replace('await using', 'const')
    .replace('127.0.0.1:6901', server.address);
  const printed: string[] = [];
  const open = (options: StreamSourceOptions): Promise<StreamSource> =>
    StreamSource.open({ ...options, systemId: identity.systemId });
  const console = { log: (text: string): number => printed.push(text) };
  const context = { StreamSource: { open }, TextEncoder, Uint8Array, console };
  await (runInNewContext(`(async () => { ${program}; await source.close(); })()`, context) as Promise<void>);
  expect(printed).toEqual(['entries 0 to 1 are in the stream']);
  expect(server.totalEntries).toBe(2n);
});
