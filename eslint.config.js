// One lint task for the whole repository: type-checked, strict, and where a rule is set aside it says why.
import { fileURLToPath } from 'node:url';
import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import n from 'eslint-plugin-n';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const root = fileURLToPath(new URL('.', import.meta.url));
const nodeGlobals = ['Buffer', 'process', 'setImmediate', 'clearImmediate', 'global', '__dirname', 'require'];

const checkedReads = [
  '[expression.type="MemberExpression"][expression.computed=true]',
  '[expression.callee.property.name=/^(at|get)$/]',
];

export default defineConfig(
  { ignores: ['**/dist/', '**/coverage/', '**/.turbo/', '.tools/', '**/generated/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },

  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  { languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: root } } },

  {
    plugins: { 'import-x': importX, n },
    settings: {
      'import-x/extensions': ['.ts', '.js', '.mjs'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/resolver-next': [
        createNodeResolver({
          extensions: ['.ts', '.js', '.mjs', '.json', '.node'],
          extensionAlias: { '.js': ['.ts', '.js'], '.mjs': ['.mts', '.mjs'] },
          conditionNames: ['workspace', 'types', 'import', 'node', 'default'],
        }),
      ],
      n: { version: '>=20.19.0' },
    },
    rules: {
      'import-x/no-cycle': 'error',
      'import-x/no-self-import': 'error',
      'import-x/no-duplicates': 'error',
      'import-x/no-default-export': 'error',
      'import-x/first': 'error',
      'import-x/newline-after-import': 'error',
      'import-x/order': [
        'error',
        {
          groups: ['builtin', 'external', 'internal', ['parent', 'sibling', 'index']],
          pathGroups: [{ pattern: '@ds/**', group: 'internal', position: 'before' }],
          pathGroupsExcludedImportTypes: ['builtin'],
          alphabetize: { order: 'asc', caseInsensitive: true },
          'newlines-between': 'ignore',
        },
      ],
      'n/prefer-node-protocol': 'error',
      'n/no-deprecated-api': 'error',
      // Both are in every Node that we run on, marked experimental in the older ones.
      'n/no-unsupported-features/node-builtins': ['error', { ignores: ['fetch', 'zlib.crc32'] }],
      'n/no-process-exit': 'error',

      eqeqeq: 'error',
      'no-param-reassign': 'error',
      'object-shorthand': 'error',
      'prefer-template': 'error',
      'no-console': 'error',

      // Numbers in messages are what this code talks about.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // `for (;;)` and `while (true)` are how a loop that ends inside is written.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // `bytes[i]!`, `list.at(-1)!` and `map.get(key)!` read what was checked before; every other `!` hides a question.
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector: `TSNonNullExpression:not(${checkedReads.join(', ')})`,
          message: 'Check for undefined instead; `!` is for reading a checked index or key only.',
        },
      ],
      '@typescript-eslint/no-invalid-void-type': ['error', { allowAsThisParameter: true }],
      // An empty method of a fake or a no-op hook is meant.
      '@typescript-eslint/no-empty-function': 'off',
      // tsc has the last word on this: noPropertyAccessFromIndexSignature asks for the brackets.
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
    },
  },

  {
    files: ['packages/codec/src/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^[^.]', message: '@ds/codec has no dependencies and runs in a browser.' }] },
      ],
      'no-restricted-globals': [
        'error',
        ...nodeGlobals.map((name) => ({ name, message: '@ds/codec runs in a browser: no Node globals.' })),
      ],
    },
  },

  {
    files: ['**/test/**', 'bench/**'],
    rules: {
      // What a test asserts on may be asserted to be there, and fakes implement promises without awaiting.
      'no-restricted-syntax': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },

  {
    // A library never ends the process; a program does, once its output is written.
    files: ['apps/**', 'scripts/**', '**/*-program.ts'],
    rules: { 'n/no-process-exit': 'off' },
  },

  {
    // Programs of the repository itself: they print, and vitest and eslint read their configuration as a default export.
    files: ['*.config.{js,ts}', 'scripts/**', 'bench/**'],
    rules: { 'no-console': 'off', 'import-x/no-default-export': 'off' },
  },

  {
    files: ['**/*.{js,mjs,cjs}', 'apps/*/bin/*'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: globals.nodeBuiltin },
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off' },
  },

  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs', globals: globals.node },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
);
