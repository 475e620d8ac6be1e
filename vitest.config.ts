// One test run for the whole repository, a project per package, app and the root's own tests. Tests import the
// sources of other packages (export condition `workspace`), so nothing has to be built first, except the apps
// that end-to-end tests start as programs. DS_TEST_LONG=1 runs the same tests with larger seeds and rounds.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));
const long = process.env['DS_TEST_LONG'] === '1';
const timeoutMs = long ? 600_000 : 30_000;

const members = ['packages', 'apps'].flatMap((group) =>
  readdirSync(join(root, group)).map((name) => `${group}/${name}`),
);
const projects = [...members, '.'].filter((folder) => existsSync(join(root, folder, 'test')));
const conditions = ['workspace', ...defaultServerConditions];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['node', 'module-sync'] } },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    reporters: ['default', './scripts/totals-reporter.mjs'],
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**', 'apps/*/src/**'],
      exclude: ['**/generated/**'],
    },
    projects: projects.map((folder) => ({
      extends: true as const,
      root: join(root, folder),
      test: { name: folder === '.' ? 'repository' : folder, include: ['test/**/*.test.ts'] },
    })),
  },
});
