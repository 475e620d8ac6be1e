/** Goal: options say what they mean, and the README says what the options are. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseApp } from '@ds/app-kit';
import { exampleLines, optionsTable, readmeTable, runExample } from '@ds/app-kit/testing';
import { app } from '../src/app.js';
import { options } from '../src/options.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

function parsed(...argv: string[]): Record<string, unknown> {
  const invocation = parseApp(app, { argv, env: {}, readFile: () => '{}' });
  if (invocation.kind === 'print') throw new Error('nothing to run');
  return invocation.options;
}

describe('the options of ds-relay', () => {
  it('stand in the README, each with its default', () => {
    expect(readmeTable(readme, '## Options')).toEqual(optionsTable(options));
  });

  it.each(exampleLines(app, readme))('take the example $line', ({ argv }) => {
    expect(runExample(app, readme, argv)).toBe('run');
  });

  it('take the config file of the README', () => {
    expect(runExample(app, readme, ['--config', 'some.json'])).toBe('run');
  });

  it('need an upstream and a file, and nothing else', () => {
    expect(() => parsed('--file', 'r.bin')).toThrow('missing --upstream');
    expect(() => parsed('--upstream', 'a:1')).toThrow('missing --file');
    expect(parsed('--upstream', 'a:6900', '--file', 'r.bin')).toMatchObject({
      upstream: [{ host: 'a', port: 6900 }],
      host: '0.0.0.0',
      port: 7900,
      streamType: 1n,
      onMismatch: 'stop',
    });
  });

  it('take several upstreams, with commas or one by one', () => {
    const upstream = [
      { host: 'a', port: 1 },
      { host: '::1', port: 2 },
    ];
    expect(parsed('--file', 'r.bin', '--upstream', 'a:1,[::1]:2')).toMatchObject({ upstream });
    expect(parsed('--file', 'r.bin', '--upstream', 'a:1', '--upstream', '[::1]:2')).toMatchObject({
      upstream,
    });
  });

  it.each([
    ['--upstream', 'nowhere', 'host:port'],
    ['--upstream', 'a:0', 'above 0'],
    ['--tls-cert', 'a.pem', '--tls-cert and --tls-key'],
    ['--tls-key', 'a.pem', '--tls-cert and --tls-key'],
    ['--on-mismatch', 'ignore', 'one of stop, truncate, restart'],
    ['--retry-interval', '10ms', '100ms to'],
  ])('refuse %s %s', (option, value, reason) => {
    expect(() => parsed('--upstream', 'a:1', '--file', 'r.bin', option, value)).toThrow(reason);
  });
});
