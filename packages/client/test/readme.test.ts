// Goal: the README is true. Its example follows a stream as it stands there, and its tables have the defaults that are in
// force and all codes of errors.
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';

import { codeUnder, plain, readDocument, tableUnder } from '../../codec/test/support/markdown.js';
import { goldenStream, serve } from '../../server/test/support/stream.js';
import { StreamClient, type StreamClientOptions } from '../src/index.js';
import { defaultRetry } from '../src/retry.js';
import { defaultOptions } from '../src/stream-client.js';
import { addressOf } from './support/follow.js';

const readme = readDocument('packages/client/README.md');

describe('The README', () => {
  it('has an example that follows a stream', async () => {
    const address = addressOf(await serve(await goldenStream()));
    const program = codeUnder(readme, 'ts')
      .replace(/^import (\{.*?\}) from '@ds\/client';$/m, 'const $1 = modules;')
      .replace('localhost:6900', address);
    const printed: string[] = [];
    const made: StreamClient[] = [];
    class Watched extends StreamClient {
      constructor(options: StreamClientOptions) {
        super(options);
        made.push(this);
      }
    }
    const print = (text: string): number => printed.push(text);
    const context = { modules: { StreamClient: Watched }, console: { log: print } };
    const running = runInNewContext(`(async () => { ${program} })()`, context) as Promise<void>;
    const ended = expect(running).rejects.toMatchObject({ code: 'closed' });
    await expect
      .poll(() => printed)
      .toEqual([
        '3 entries so far',
        'entry 0 of type 176: 9 bytes',
        'entry 1 of type 1: 5 bytes',
        'entry 2 of type 2: 0 bytes',
      ]);
    for (const client of made) await client.close();
    await ended;
  });

  it('says what the defaults are', () => {
    const documented = tableUnder(readme, '## Options')
      .filter(([, value]) => value !== '')
      .map(([name, value]) => [plain(name ?? ''), Number(value?.replaceAll(',', ''))]);
    const retry = Object.entries<number>({ ...defaultRetry }).map(([name, value]) => [
      `retry.${name}`,
      value,
    ]);
    const options = Object.entries(defaultOptions).map(([name, value]) => [name, Number(value)]);
    expect(documented).toEqual([...options, ...retry]);
  });

  it('explains all codes of errors, and no others', () => {
    const source = readFileSync(new URL('../src/errors.ts', import.meta.url), 'utf8');
    const [union] = /ClientErrorCode =.*?;/s.exec(source) ?? [''];
    const codes = Array.from(union.matchAll(/\| '(.*?)'/g), (match) => match[1]);
    expect(codes.length).toBeGreaterThan(5);
    expect(tableUnder(readme, '## Errors').map(([code]) => plain(code ?? ''))).toEqual(codes);
  });
});
