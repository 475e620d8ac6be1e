/** The names that a package exports, held against the test of its types. */
import { readDocument } from './markdown.js';

/** Names in the `index.ts` of the package in a folder of `packages` that its `types.test.ts` says nothing about. */
export function untestedNames(folder: string): string[] {
  const index = readDocument(`packages/${folder}/src/index.ts`);
  const names = Array.from(index.matchAll(/\{([^}]*)\}/g), ([, list = '']) => list.split(','))
    .flat()
    .map((name) => name.replace(/\btype\b/, '').trim())
    .filter((name) => name !== '');
  const test = readDocument(`packages/${folder}/test/types.test.ts`).replace(/^import .*?;$/gms, '');
  return names.filter((name) => !new RegExp(`\\b${name}\\b`).test(test));
}
