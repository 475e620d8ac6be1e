// Goal: the README is true: its examples bring operations in as they stand there. That they compile, a test of the repository says.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { StreamFile } from '@ds/stream-file';

import { runExample, typescriptIn } from '../../codec/test/support/examples.js';
import { readDocument } from '../../codec/test/support/markdown.js';
import { StreamSource } from '../src/index.js';
import { filled, numbered, openSource } from './support/operations.js';
import { identity, TestServer } from './support/test-server.js';

const examples = typescriptIn(readDocument('packages/source/README.md'));

/** Runs the one example that has this in it, with what a fragment is given; gives what it has printed. */
async function run(has: string, server: TestServer, given: object = {}): Promise<string[]> {
  const [text = '', ...others] = examples.filter((example) => example.includes(has));
  expect(others).toEqual([]);
  const folder = await mkdtemp(join(tmpdir(), 'source-readme-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const program = text
    .replace('127.0.0.1:6901', server.address)
    .replace("'outbox.bin'", JSON.stringify(join(folder, 'outbox.bin')))
    .replaceAll('systemId: 1n', `systemId: ${identity.systemId}n`);
  const printed: string[] = [];
  const modules = { '@ds/source': { StreamSource }, '@ds/stream-file': { StreamFile }, given };
  const imports = `import { ${Object.keys(given).join(', ')} } from 'given';`;
  await runExample(`${imports}\n${program}`, modules, { log: (line) => printed.push(line) });
  return printed;
}

describe('The README has an example', () => {
  it('that brings in an operation', async () => {
    const server = await TestServer.start();
    expect(await run('op.addBookmark', server)).toEqual(['entries 0 to 1 are in the stream']);
    expect(server.totalEntries).toBe(2n);
  });

  it('that does not wait for each operation', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    await run('of blocks', server, { source, blocks: [Uint8Array.of(1), Uint8Array.of(2)] });
    expect(await server.entries()).toEqual(numbered([filled(1), filled(2)]));
  });

  it('that opens an outbox', async () => {
    const server = await TestServer.start();
    expect(await run('outbox.bin', server)).toEqual(['the outbox has 0 entries; servers get what they lack']);
  });

  it('and no other', () => {
    expect(examples).toHaveLength(3);
  });
});
