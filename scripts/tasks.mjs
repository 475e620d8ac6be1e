// What each npm script of the root runs once everything is installed: one table, so that a person, CI and the
// documentation mean the same by a name. Steps run one after the other until one fails; arguments given to the npm
// script (`npm test -- FILTER`) go to the last step.

const build = ['turbo', 'run', 'build', '--output-logs=errors-only'];
const test = ['vitest', 'run'];

/** @type {Record<string, {steps: string[][], env?: Record<string, string>}>} */
export const tasks = {
  start: { steps: [build, ['node', 'apps/demo/bin/ds-demo']] },
  // The apps' end-to-end tests run the apps as they are deployed, so these are built first.
  test: { steps: [build, test] },
  'test:long': { steps: [build, test], env: { DS_TEST_LONG: '1' } },
  coverage: { steps: [build, [...test, '--coverage']] },
  build: { steps: [build] },
  lint: { steps: [['eslint', '.', '--max-warnings=0']] },
  format: { steps: [['prettier', '--write', '--log-level=warn', '.']] },
  'format:check': { steps: [['prettier', '--check', '.']] },
  typecheck: {
    steps: [
      ['turbo', 'run', 'typecheck', '--output-logs=errors-only'],
      ['tsc', '-p', 'tsconfig.json', '--noEmit'],
    ],
  },
  knip: { steps: [['knip']] },
  'check:packages': { steps: [build, ['node', 'scripts/check-packages.mjs']] },
  'check:size': { steps: [build, ['node', 'scripts/check-size.mjs']] },
  changeset: { steps: [['changeset']] },
  bench: { steps: [build, ['node', 'bench/dist/main.js']] },
};
