/** Goal: options say what they mean, and README and operating guide say what the options are. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseApp } from '@ds/app-kit';
import { exampleLines, optionsTable, readmeTable, runExample } from '@ds/app-kit/testing';
import { limitOptions, sourceLimitOptions } from '@ds/serving-kit';
import { app } from '../src/app.js';
import { options } from '../src/options.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const operating = readFileSync(new URL('../../../docs/operating.md', import.meta.url), 'utf8');

function parsed(...argv: string[]): Record<string, unknown> {
  const invocation = parseApp(app, { argv, env: {}, readFile: () => '{}' });
  if (invocation.kind === 'print') throw new Error('nothing to run');
  return invocation.options;
}

describe('the options of ds-server', () => {
  it('stand in the README, each with its default', () => {
    expect(readmeTable(readme, '## Options')).toEqual(optionsTable(options));
  });

  it.each(exampleLines(app, readme))('take the example $line', ({ argv }) => {
    expect(runExample(app, readme, argv)).toBe('run');
  });

  it('take the config file of the README', () => {
    expect(runExample(app, readme, ['--config', 'some.json'])).toBe('run');
  });

  it('that limit something stand in the operating guide, all of them, each with its default', () => {
    const { cacheSize, writeBuffer, fileCloseTimeout } = options;
    const limits = { ...limitOptions, ...sourceLimitOptions, cacheSize, writeBuffer, fileCloseTimeout };
    const defaults = optionsTable(limits).map(([option = '', fallback]) => [
      option.replace(/ <.*>/, ''),
      fallback,
    ]);
    const said = readmeTable(operating, '## Limits').map(([limit = '', fallback]) => [limit, fallback]);
    expect(said.filter(([limit]) => limit?.startsWith('`--')).sort()).toEqual(defaults.sort());
  });

  it('need a file, and nothing else', () => {
    expect(() => parsed()).toThrow('missing --file');
    expect(parsed('--file', 's.bin')).toMatchObject({ host: '0.0.0.0', port: 6900, sourcePort: 6901 });
  });

  it.each([
    ['--file-version', '256', '0 to 255'],
    ['--clients-max', '0', '1 to'],
  ])('refuse %s %s', (option, value, reason) => {
    expect(() => parsed('--file', 's.bin', option, value)).toThrow(reason);
  });
});
