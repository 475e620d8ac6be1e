// Goal: the README is true. Each of its examples does what it says, and its tables have the
// defaults that are in force and all codes of errors.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { errorClassOf } from '../../codec/test/support/error-codes.js';
import { runExample, typescriptIn } from '../../codec/test/support/examples.js';
import { plain, readDocument, tableUnder } from '../../codec/test/support/markdown.js';
import { temporaryFolder } from '../../codec/test/support/temporary-folder.js';
import { goldenStream, serve } from '../../server/test/support/stream.js';
import { defaultRetry } from '../src/connecting/retry.js';
import * as package_ from '../src/index.js';
import { defaultOptions } from '../src/settings.js';
import { addressOf } from './support/follow.js';

const readme = readDocument('packages/client/README.md');
const examples = typescriptIn(readme);

/** A database of text, whose transactions are done as a whole or not at all. */
class MemoryDatabase {
  readonly committed = new Map<string, string>();
  /** Makes the next transaction fail when it is about to be committed. */
  failing = false;

  get(key: string): Promise<string | undefined> {
    return Promise.resolve(this.committed.get(key));
  }

  async transaction(
    act: (changes: { set(key: string, value: string): Promise<void> }) => Promise<void>,
  ): Promise<void> {
    const changes = new Map<string, string>();
    await act({ set: (key, value) => Promise.resolve(void changes.set(key, value)) });
    if (this.failing) throw new Error('the database is gone');
    for (const [key, value] of changes) this.committed.set(key, value);
  }
}

/** Runs an example against the golden stream, in a folder of its own; gives what it has printed. */
async function run(example: string, modules: object = {}, folder?: string): Promise<string[]> {
  const address = addressOf(await serve(await goldenStream()));
  const inFolder = folder ?? (await temporaryFolder());
  const program = example
    .replaceAll('localhost:6900', address)
    .replace("'consumer.position'", JSON.stringify(join(inFolder, 'consumer.position')));
  const printed: string[] = [];
  const print = (text: string): number => printed.push(text);
  await runExample(program, { '@ds/client': package_, ...modules }, { log: print });
  return printed;
}

function example(mark: string): string {
  const found = examples.filter((each) => each.includes(mark));
  expect(found).toHaveLength(1);
  return found[0] ?? '';
}

describe('The README', () => {
  it('has an example that follows a stream', async () => {
    const ending = example('entries so far').replace('{ from: 0n }', '{ from: 0n, count: 3n }');
    const closing = `${ending}\nawait client.close();`;
    expect(await run(closing)).toEqual([
      '3 entries so far',
      'entry 0 of type 176: 9 bytes',
      'entry 1 of type 1: 5 bytes',
      'entry 2 of type 2: 0 bytes',
    ]);
  });

  it('has an example that follows in batches', async () => {
    expect(await run(example('reuseBuffer'))).toEqual(['5 bytes beside bookmarks']);
  });

  it('has an example that gets everything at least once, and goes on where it was', async () => {
    const folder = await temporaryFolder();
    const program = example('FileCheckpoint');
    const all = ['entry 0: 9 bytes', 'entry 1: 5 bytes', 'entry 2: 0 bytes'];
    // It ends behind the first two entries; the second time it starts behind them.
    const first = program.replace('until: 2n', 'until: 1n');
    expect(await run(first, {}, folder)).toEqual(all.slice(0, 2));
    expect(await run(program, {}, folder)).toEqual(all.slice(2));
    expect(await run(program, {}, folder)).toEqual([]);
  });

  it('has an example that gets everything exactly once, also when a transaction fails', async () => {
    const database = new MemoryDatabase();
    const program = example('database.transaction');
    const modules = { './database.js': { database } };
    await run(program.replace('until: 2n', 'until: 0n'), modules);
    database.failing = true;
    await expect(run(program, modules)).rejects.toThrow('the database is gone');
    expect(database.committed.get('entry 1')).toBeUndefined();
    database.failing = false;
    await run(program, modules);
    expect([...database.committed.keys()].sort()).toEqual(['entry 0', 'entry 1', 'entry 2', 'position']);
  });

  it('says what the defaults are', () => {
    const documented = tableUnder(readme, '## Options')
      .map(([name = '', value = '']) => [plain(name), plain(value)])
      .filter(([, value = '']) => /^\d/.test(value))
      .map(([name, value = '']) => [name, Number(value.replaceAll(/[,n]/g, ''))]);
    const retry = Object.entries(defaultRetry).map(([name, value]) => [`retry.${name}`, value as unknown]);
    const options = Object.entries(defaultOptions).map(([name, value]) => [name, Number(value)]);
    expect(documented).toEqual([...options, ...retry]);
  });

  it('explains all codes of errors, and no others', () => {
    const codes = errorClassOf('client')?.codes;
    expect(codes?.length).toBeGreaterThan(3);
    expect(tableUnder(readme, '## Errors').map(([code]) => plain(code ?? ''))).toEqual(codes);
  });
});
