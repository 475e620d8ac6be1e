/** Goal: options say what they mean, and the README says what the options are. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseApp } from '@ds/app-kit';
import { exampleLines, optionsTable, readmeTable, runExample } from '@ds/app-kit/testing';
import { app } from '../src/app.js';
import { bookmarkOptions, commonOptions, entryOptions, followOptions } from '../src/options.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

function parsed(...argv: string[]): Record<string, unknown> {
  const invocation = parseApp(app, { argv: ['--server', 'h:1', ...argv], env: {}, readFile: () => '{}' });
  if (invocation.kind === 'print') throw new Error('nothing to run');
  return invocation.options;
}

describe('the options of ds-client', () => {
  const tables = [
    ['## Options', commonOptions],
    ['### follow', followOptions],
    ['### entry', entryOptions],
    ['### bookmark', bookmarkOptions],
  ] as const;
  it.each(tables)('stand in the README below %s', (heading, options) => {
    const common = Object.keys(commonOptions);
    const own = Object.entries(options).filter(
      ([name]) => options === commonOptions || !common.includes(name),
    );
    expect(readmeTable(readme, heading)).toEqual(optionsTable(Object.fromEntries(own)));
  });

  it.each(exampleLines(app, readme))('take the example $line', ({ argv }) => {
    expect(runExample(app, readme, argv)).toBe('run');
  });

  it('follow from an entry, from the end, or from a bookmark', () => {
    expect(parsed('follow')).toMatchObject({ from: undefined, retries: 10 });
    expect(parsed('follow', '--from', '7')).toMatchObject({ from: 7n });
    expect(parsed('follow', '--from', 'latest')).toMatchObject({ from: 'latest' });
    expect(parsed('follow', '--from-bookmark', '0x0a')).toMatchObject({ fromBookmark: Uint8Array.of(10) });
    expect(parsed('follow', '--retries', 'forever')).toMatchObject({ retries: 'forever' });
  });

  it.each([
    ['--from and --from-bookmark', 'follow', '--from', '0', '--from-bookmark', '01'],
    ['--count and --until', 'follow', '--count', '0', '--until', '1'],
    ['--tls-cert and --tls-key', 'header', '--tls-cert', 'a.pem'],
    ['--tls-cert and --tls-key', 'follow', '--tls-key', 'a.pem'],
    ['1 to 16', 'bookmark', '00'.repeat(17)],
    ['1 to 16', 'bookmark', '0x'],
    ["missing required argument 'number'", 'entry'],
    ['latest', 'follow', '--from', 'first'],
    ['pretty, json, raw', 'header', '--format', 'yaml'],
    ['missing command'],
  ])('are refused, naming %s, case %#', (reason, ...argv) => {
    expect(() => parsed(...argv)).toThrow(reason);
  });
});
