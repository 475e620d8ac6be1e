// Goal: docs/errors.md has every error number, with its name and text, and every code of each package's error class, and
// none that does not exist.
import { describe, expect, it } from 'vitest';
import { CodecError, encodeResult, result, ResultCode, sourceAnswers } from '../src/index.js';
import { decode } from './support/decoding.js';
import { errorClassOf } from './support/error-codes.js';
import { listFolder, plain, readDocument, tableUnder } from './support/markdown.js';

const document = readDocument('docs/errors.md');

describe('Error numbers of results', () => {
  const numbers = Object.entries(ResultCode);

  it('stand in the documentation with their names and texts', () => {
    const documented = tableUnder(document, '## Results').map((row) => row.slice(0, 3).map(plain));
    const existing = numbers.map(([name, code]) => [String(code), name, result(code).text]);
    expect(documented).toEqual(existing);
  });

  it('say when, what becomes of the connection, and what to do', () => {
    for (const row of tableUnder(document, '## Results').slice(1)) {
      expect(row).toHaveLength(6);
      for (const cell of row) expect(cell).not.toBe('');
    }
  });

  it('are different, those below 32 as published', () => {
    const codes = numbers.map(([, code]) => code);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.filter((code) => code < 32)).toEqual([0, 1, 2, 3, 4, 9]);
  });

  it.each(numbers)('%s has a text of its own, and goes over the wire with it', (_name, code) => {
    expect(result(code).text).not.toMatch(/^Error \d/);
    expect(decode(sourceAnswers, encodeResult(result(code)))).toEqual([result(code)]);
  });
});

describe.each(listFolder('packages').flatMap((folder) => errorClassOf(folder) ?? []))(
  '$name',
  ({ name, codes }) => {
    it('has in the documentation just the codes that it has', () => {
      expect(codes).not.toEqual([]);
      const documented = tableUnder(document, `## ${name}`).map((row) => plain(row[0] ?? ''));
      expect(documented).toEqual(codes);
    });
  },
);

describe('A CodecError', () => {
  it('is an Error with its name, code and message', () => {
    const error = new CodecError('sequence', 'entry 9 follows entry 7');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'CodecError', code: 'sequence', message: 'entry 9 follows entry 7' });
  });
});
