// Goal: the READMEs are true. Each example in TypeScript, of every package and program, compiles as it stands there; what it
// does is tested where it belongs. Method: the compiler, with its strictest settings, and for a fragment what it leaves out.
import { expect, it } from 'vitest';

import { compileProblems, typescriptIn, type Example } from '../packages/codec/test/support/examples.js';
import { exists, readDocument } from '../packages/codec/test/support/markdown.js';
import { members } from './support/workspace.js';

/** What fragments leave out: each is told by what stands in it. */
const fragments: readonly {
  readonly has: string;
  readonly prelude?: string;
  readonly modules?: Example['modules'];
}[] = [
  {
    has: "from './database.js'",
    modules: {
      'database.ts': `
        interface Changes { set(key: string, value: string): Promise<void> }
        export declare const database: {
          get(key: string): Promise<string | undefined>;
          transaction(act: (changes: Changes) => Promise<void>): Promise<void>;
        };`,
    },
  },
  {
    has: 'for (const block of blocks)',
    prelude: `
      import type { StreamSource } from '@ds/source';
      declare const source: StreamSource;
      declare const blocks: readonly Uint8Array[];`,
  },
  {
    has: "name: 'ds-echo'",
    prelude: `
      declare function listen(options: { host: string; port: number; idleTimeout: number }): Promise<{
        readonly address: string;
        close(): Promise<void>;
      }>;`,
  },
  {
    has: "name: 'ds-ask'",
    prelude: `
      import { defineApp, defineCommand, field, runApp } from '@ds/app-kit';
      declare function ask(server: { host: string; port: number }, entry: bigint): Promise<string>;
      declare const version: string;`,
  },
  {
    has: 'const invocation = parseApp',
    prelude: `
      import { parseApp, type App } from '@ds/app-kit';
      declare const app: App;`,
  },
  {
    has: 'await using folder = await temporaryFolder()',
    prelude: `
      import type { Shape } from '@ds/app-kit';
      import { optionsTable, readmeTable, startProgram, temporaryFolder } from '@ds/app-kit/testing';
      import { expect } from 'vitest';
      declare const binPath: string;
      declare const readme: string;
      declare const options: Shape;`,
  },
];

it('Each example in a README compiles', { timeout: 120_000 }, () => {
  const folders = ['.', ...members.map(({ folder }) => folder)];
  const examples = folders.flatMap((folder) =>
    typescriptIn(readme(folder)).map((text): Example => {
      const { prelude, modules } = fragments.find(({ has }) => text.includes(has)) ?? {};
      return { folder, text, prelude, modules };
    }),
  );
  expect(examples.length).toBeGreaterThan(fragments.length);
  for (const { has } of fragments)
    expect(
      examples.filter(({ text }) => text.includes(has)),
      has,
    ).toHaveLength(1);
  expect(compileProblems(examples)).toEqual([]);
});

/** Some have none, as nobody but this repository uses them. */
function readme(folder: string): string {
  const path = `${folder}/README.md`;
  return exists(path) ? readDocument(path) : '';
}
