// Goal: the README's example runs and prints what it says. It is run as it stands there; each line that prints ends
// with a comment of what is printed.
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import * as codec from '../src/index.js';
import { codeUnder, readDocument } from './support/markdown.js';

describe('The example of the README', () => {
  const example = codeUnder(readDocument('packages/codec/README.md'), 'ts');

  it('imports from this package only, and prints what its comments say', () => {
    const program = example.replace(/^import (\{.*?\}) from '@ds\/codec';$/ms, 'const $1 = codec;');
    const printed: string[] = [];
    const print = (...values: unknown[]): number => printed.push(values.map(String).join(' '));
    runInNewContext(program, { codec, Uint8Array, console: { log: print } });
    expect(printed.length).toBeGreaterThan(0);
    expect(printed).toEqual(
      Array.from(example.matchAll(/console\.log\(.*\/\/ (.*)$/gm), (match) => match[1]),
    );
  });
});
