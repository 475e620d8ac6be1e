// Goal: whoever types what the documentation shows is not refused: each command line of a program, in all documents, is taken by
// that program's own options, and each option that a document names is one. Method: the programs' parsers; nothing is run.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseApp, UsageError, type App, type Shape } from '@ds/app-kit';

import { app as client } from '../apps/client/src/app.js';
import { app as demo } from '../apps/demo/src/app.js';
import { builtInOptions, flagName } from '../apps/kit/src/app.js';
import { fieldInfo } from '../apps/kit/src/field-info.js';
import { app as relay } from '../apps/relay/src/app.js';
import { app as server } from '../apps/server/src/app.js';
import { app as source } from '../apps/source/src/app.js';
import { app as tool } from '../apps/stream-tool/src/app.js';
import { exists, readDocument } from '../packages/codec/test/support/markdown.js';
import { members } from './support/workspace.js';

const apps: readonly App[] = [client, demo, relay, server, source, tool];
const docsFolder = fileURLToPath(new URL('../docs', import.meta.url));
const documents = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...readdirSync(docsFolder, { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
  ...members.map(({ folder }) => `${folder}/README.md`),
].filter((path) => path.endsWith('.md') && exists(path));

/** Options that documents name and that are other programs', or of no program. */
const foreignOptions = [
  '--sysctl',
  '--filter',
  '--fix',
  '--init',
  '--prod',
  '--smoke',
  '--make',
  '--other',
  '--x',
  '--no-x',
];
/** What stands for a value. */
const placeholders: Readonly<Record<string, string>> = { N: '1', 'H:P': 'a:1', 'HOST:PORT': 'a:1' };

interface Shown {
  readonly place: string;
  readonly app: App;
  readonly argv: readonly string[];
}

/** What is shown as code: blocks, commands that go on in the next line joined, and code within a sentence. */
function codeIn(markdown: string): { blocks: string[]; spans: string[] } {
  const blocks: string[] = [];
  const rest = markdown.replaceAll(/^ *```[a-z]*\n(.*?)^ *```$/gms, (_, text: string) => {
    blocks.push(...text.replaceAll(/\\\n|(?<=\|)\n/g, ' ').split('\n'));
    return '';
  });
  // A line's end within a span is a space.
  const spans = Array.from(rest.matchAll(/`([^`]+)`/g), ([, text = '']) =>
    text.replaceAll(/\s+/g, ' ').replaceAll('\\|', '|'),
  );
  return { blocks, spans };
}

/** The programs that a line of a shell, or of a service's description, starts, each with its arguments. */
function commandsIn(line: string, place: string): Shown[] {
  return line.split(/ \| | && |; /).flatMap((command) => {
    const [program = '', ...words] = command
      .replace(/^\s*(ExecStart=|\$ |time )?/, '')
      .replace(/^([A-Z_]+=\S+ +)+/, '')
      .split(/ +/);
    const app = apps.find(({ name }) => name === program.split('/').at(-1));
    const end = words.findIndex((word) => /^[#<>&]|^\d>/.test(word) || word === '...');
    const argv = words.slice(0, end < 0 ? words.length : end).map((word) => placeholders[word] ?? word);
    return app && argv.length > 0 ? [{ place: `${place}: ${line.trim()}`, app, argv }] : [];
  });
}

/** Takes a command line as the program would; a config file is taken to say all that is required. */
function parse({ app, argv }: Shown): void {
  const config = app === relay ? { upstream: 'a:1', file: 'f' } : app === server ? { file: 'f' } : {};
  parseApp(app, { argv, env: {}, readFile: () => JSON.stringify(config) });
}

const code = documents.map((path) => ({ path, ...codeIn(readDocument(path)) }));
const commandLines = code.flatMap(({ path, blocks }) => blocks.flatMap((line) => commandsIn(line, path)));
const mentions = code.flatMap(({ path, spans }) => spans.flatMap((span) => commandsIn(span, path)));

const flags = new Set([
  ...['--help', '--version'],
  ...[
    builtInOptions,
    ...apps.flatMap((app) => [app, ...Object.values(app.commands ?? {})].map(({ options }) => options)),
  ]
    .flatMap((shape: Shape) => Object.entries(shape))
    .flatMap(([key, schema]) => {
      const flag = flagName(key);
      return fieldInfo(schema).traits.isFlag === true ? [`--${flag}`, `--no-${flag}`] : [`--${flag}`];
    }),
]);

describe('A command line in the documentation', () => {
  it.each(commandLines.map((shown) => [shown.place, shown] as const))('%s', (_place, shown) => {
    expect(() => {
      parse(shown);
    }).not.toThrow();
  });

  it('is found for each program that is deployed', () => {
    const shown = new Set(commandLines.map(({ app }) => app.name));
    const deployed = apps.filter((app) => app !== demo);
    expect([...shown].sort()).toEqual(deployed.map(({ name }) => name).sort());
  });

  it('is refused with an option that is none, and with a value that is none', () => {
    const shown = commandsIn('zcat x | bin/ds-source --server a:6901 --ops - | tee y', 'here');
    expect(shown).toMatchObject([{ app: source, argv: ['--server', 'a:6901', '--ops', '-'] }]);
    for (const wrong of ['--sever a:1 --ops -', '--server a:1 --ops - --quorum most']) {
      const [line] = commandsIn(`ds-source ${wrong}`, 'here');
      expect(() => {
        parse(line!);
      }).toThrow(UsageError);
    }
  });
});

describe('A command that a sentence names', () => {
  it.each(mentions.map((shown) => [shown.place, shown] as const))('%s', (_place, shown) => {
    try {
      parse(shown);
    } catch (error) {
      // It need not be whole.
      const isCutShort =
        error instanceof UsageError && /^(give|missing (required|--))|missing$/.test(error.message);
      if (!isCutShort) throw error;
    }
  });
});

it('Each option that a document names is one', () => {
  const unknown = code.flatMap(({ path, spans }) =>
    spans
      .flatMap((span) => span.match(/(?<=^| )--[a-z][a-z-]*/g) ?? [])
      .filter((flag) => !flags.has(flag) && !foreignOptions.includes(flag))
      .map((flag) => `${path}: ${flag}`),
  );
  expect(unknown).toEqual([]);
});
