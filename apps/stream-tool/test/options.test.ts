/** Goal: the README says what the options are, and options say what they mean. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseApp } from '@ds/app-kit';
import { exampleLines, optionsTable, readmeTable, runExample } from '@ds/app-kit/testing';
import { app } from '../src/app.js';
import * as options from '../src/options.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

function parse(...argv: string[]): unknown {
  return parseApp(app, { argv, env: {}, readFile: () => '{}' });
}

describe('the options of ds-stream', () => {
  it.each([
    ['inspect', options.inspectOptions],
    ['verify', options.verifyOptions],
    ['repair', options.repairOptions],
    ['truncate', options.truncateOptions],
    ['rebuild-index', options.rebuildIndexOptions],
    ['export', options.exportOptions],
    ['import', options.importOptions],
    ['copy', options.copyOptions],
  ])('stand in the README, each with its default: %s', (command, shape) => {
    expect(readmeTable(readme, `### ${command}`)).toEqual(optionsTable(shape));
  });

  it.each(exampleLines(app, readme))('take the example $line', ({ argv }) => {
    expect(runExample(app, readme, argv)).toBe('run');
  });

  it('have a README section for each command, and help for each', () => {
    for (const command of Object.keys(app.commands ?? {})) {
      expect(readme).toContain(`\n### ${command}\n`);
      expect(parse(command, '--help')).toMatchObject({
        kind: 'print',
        text: expect.stringContaining(command) as string,
      });
    }
  });

  it.each([
    [['truncate', 'x.bin'], '--to-entry or --to-bookmark'],
    [['truncate', 'x.bin', '--to-entry', '1', '--to-bookmark', '0x01'], '--to-entry or --to-bookmark'],
    [['export', 'x.bin', '--from', '5', '--to', '4'], '--to stands before --from'],
    [['copy', 'x.bin'], "missing required argument 'to'"],
    [['import', '-'], 'missing --into'],
  ])('are refused where they make no sense: %s', (argv, reason) => {
    expect(() => parse(...argv)).toThrow(reason);
  });
});
