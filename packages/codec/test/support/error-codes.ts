/** The codes of a package's error class, as its `errors.ts` declares them. */
import { exists, readDocument } from './markdown.js';

export interface ErrorClass {
  readonly name: string;
  readonly codes: readonly string[];
}

/** The error class of the package in a folder of `packages`; undefined if it has none. */
export function errorClassOf(folder: string): ErrorClass | undefined {
  const path = `packages/${folder}/src/errors.ts`;
  if (!exists(path)) return undefined;
  const [, name = '', union = ''] = /type (\w+)Code =(.*?);$/ms.exec(uncommented(readDocument(path))) ?? [];
  return { name, codes: Array.from(union.matchAll(/^\s*\| '(.*?)'/gm), ([, code = '']) => code) };
}

function uncommented(source: string): string {
  return source.replace(/\/\*\*.*?\*\//gs, '');
}
