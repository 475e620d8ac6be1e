// The README's table of options is the options'.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { optionsTable, readmeTable } from '@ds/app-kit/testing';
import { options } from '../src/options.js';

it('The README tells of every option, its default and what it is', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  expect(readmeTable(readme, '## Options')).toEqual(optionsTable(options));
});
