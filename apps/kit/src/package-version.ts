/** An app's version, where it is kept: its package.json. */

import { existsSync, readFileSync } from 'node:fs';

/**
 * The version in the package.json nearest to a module, the same from `src` and from `dist`.
 *
 * @param moduleUrl the module's `import.meta.url`
 * @throws {Error} when no package.json stands above it
 */
export function packageVersion(moduleUrl: string): string {
  let folder = new URL('.', moduleUrl);
  while (!existsSync(new URL('package.json', folder))) {
    const parent = new URL('..', folder);
    if (parent.href === folder.href) throw new Error(`no package.json above ${moduleUrl}`);
    folder = parent;
  }
  const { version } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as {
    version: string;
  };
  return version;
}
