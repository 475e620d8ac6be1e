// The README's table of options is the options', and all examples are taken.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { exampleLines, optionsTable, readmeTable, runExample } from '@ds/app-kit/testing';
import { app } from '../src/app.js';
import { options } from '../src/options.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

it('The README tells of every option, its default and what it is', () => {
  expect(readmeTable(readme, '## Options')).toEqual(optionsTable(options));
});

it.each(exampleLines(app, readme))('The example is taken: $line', ({ argv }) => {
  expect(runExample(app, readme, argv)).toBe('run');
});
