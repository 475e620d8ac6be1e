// Goal: the README is true: its examples bring operations in as they stand there, and its tables have the defaults that are
// in force and all codes of errors. That the examples compile, a test of the repository says.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StreamFile } from '@ds/stream-file';

import { errorClassOf } from '../../codec/test/support/error-codes.js';
import { runExample, typescriptIn } from '../../codec/test/support/examples.js';
import { plain, readDocument, tableUnder } from '../../codec/test/support/markdown.js';
import { temporaryFolder } from '../../codec/test/support/temporary-folder.js';
import { StreamSource } from '../src/index.js';
import { defaultOptions, defaultRetry } from '../src/settings.js';
import { filled, numbered, openSource } from './support/operations.js';
import { identity, TestServer } from './support/test-server.js';

const readme = readDocument('packages/source/README.md');
const examples = typescriptIn(readme);

/** Runs the one example that has this in it, with what a fragment is given; gives what it has printed. */
async function run(has: string, server: TestServer, given: object = {}): Promise<string[]> {
  const [text = '', ...others] = examples.filter((example) => example.includes(has));
  expect(others).toEqual([]);
  const folder = await temporaryFolder();
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

describe('The README has a table', () => {
  it('of all options that have a default, and of these', () => {
    const own = new Set(['servers', 'systemId', 'epoch', 'tls']);
    const documented = tableUnder(readme, '## Options')
      .map(([name = '', value = '']) => [plain(name), valueOf(plain(value))])
      .filter(([name, value]) => value !== '' && !own.has(String(name)));
    const retry = Object.entries(defaultRetry).map(([name, value]) => [`retry.${name}`, value as unknown]);
    expect(documented).toEqual([...Object.entries(defaultOptions), ...retry]);
  });

  it('of all codes of errors, and no others', () => {
    const codes = errorClassOf('source')?.codes;
    expect(codes?.length).toBeGreaterThan(3);
    expect(tableUnder(readme, '## Errors').map(([code]) => plain(code ?? ''))).toEqual(codes);
  });
});

/** What a cell of the table says: a number, a number of MiB, a bigint, or text in quotes. */
function valueOf(cell: string): unknown {
  const [, digits = '', unit] = /^([\d,]+)(n| MiB)?$/.exec(cell) ?? [];
  if (digits === '') return cell.replaceAll("'", '');
  const number = Number(digits.replaceAll(',', ''));
  return unit === 'n' ? BigInt(number) : number * (unit === undefined ? 1 : 1 << 20);
}
