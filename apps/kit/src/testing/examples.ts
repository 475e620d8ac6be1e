/** The command lines and the config file that an app shows its users, so that a test can hold them against its options. */

import type { App } from '../app.js';
import { parseApp } from '../parse-app.js';

/** A command line as it is shown, and what the app gets of it. */
export interface ExampleLine {
  readonly line: string;
  readonly argv: readonly string[];
}

/** All of an app's command lines: those of its help, and those in its README. */
export function exampleLines(app: App, readme: string): ExampleLine[] {
  const shown = [app, ...Object.values(app.commands ?? {})].flatMap(({ examples = [] }) => examples);
  const lines = [...shown, ...blocks(readme, 'sh').flatMap((text) => text.split('\n'))];
  return lines.flatMap((line) => argvOf(app.name, line).map((argv) => ({ line, argv })));
}

/**
 * Reads a command line as the app would, with the README's config file if it names one.
 *
 * @throws {UsageError} where it is wrong
 */
export function runExample(app: App, readme: string, argv: readonly string[]): 'run' | 'print' {
  const [config = '{}'] = blocks(readme, 'json');
  return parseApp(app, { argv, env: {}, readFile: () => config }).kind;
}

/** What follows the app's name, in each command of a pipeline that starts with it. */
function argvOf(name: string, line: string): string[][] {
  const commands = line.split(' | ').map((command) => command.trim().split(/ +/));
  return commands.filter(([program]) => program === name).map(([, ...words]) => untilRedirection(words));
}

function untilRedirection(words: readonly string[]): string[] {
  const end = words.findIndex((word) => /^[#<>|&]/.test(word));
  return end < 0 ? [...words] : words.slice(0, end);
}

/** Contents of a document's blocks of code in a language. */
function blocks(markdown: string, language: string): string[] {
  const pattern = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms');
  return Array.from(markdown.matchAll(pattern), ([, text = '']) => text);
}
