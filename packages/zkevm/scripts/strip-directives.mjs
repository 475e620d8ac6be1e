// Takes the directives for linters out of generated code, which no linter of this repository looks at.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const folder = new URL('../src/generated/', import.meta.url);
for (const name of readdirSync(folder)) {
  const file = new URL(name, folder);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^\/\* eslint-disable \*\/\n/m, ''));
}
