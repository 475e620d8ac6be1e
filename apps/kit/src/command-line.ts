/** Makes the command line parser and its help out of an app's options. No value is checked here. */

import { Command as Parser, CommanderError, Help, Option } from 'commander';
import type { z } from 'zod';
import { builtInOptions, environmentName, flagName, type App, type Command, type Shape } from './app.js';
import { UsageError } from './errors.js';
import { fieldInfo } from './field-info.js';

/** What a command line says: text to print (help, version), or a command and its raw values. */
export type CommandLine =
  | { readonly kind: 'print'; readonly text: string }
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly values: Readonly<Record<string, unknown>>;
    };

const SOURCES_NOTE = `
An option may also be an environment variable (env) or a key of the config file. A flag wins over the
environment, the environment over the file, the file over the default.`;

/**
 * Splits arguments into a command and raw option values, text still.
 *
 * @param argv the arguments alone, without node and script
 * @param columns the help's width
 * @throws {UsageError} `syntax`
 */
export function parseCommandLine(app: App, argv: readonly string[], columns: number): CommandLine {
  let printed = '';
  let chosen: { command: Command; parser: Parser } | undefined;
  const choose = (command: Command, parser: Parser) => {
    parser.action(() => {
      chosen = { command, parser };
    });
  };

  const root = new Parser(app.name)
    .description(app.description)
    .version(app.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => (printed += text),
      writeErr: () => undefined,
      getOutHelpWidth: () => columns,
    })
    .configureHelp({ showGlobalOptions: true, optionTerm });
  addOptions(root, app, { ...app.options, ...builtInOptions });
  addNotes(root, app.examples);

  if (app.commands === undefined) choose(app, root);
  else {
    for (const [name, command] of Object.entries(app.commands)) {
      const parser = root.command(name).description(command.description);
      const own = Object.entries(command.options).filter(([key]) => !Object.hasOwn(app.options, key));
      addOptions(parser, app, Object.fromEntries(own));
      addNotes(parser, command.examples);
      choose(command, parser);
    }
  }

  try {
    root.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'print', text: printed };
    throw usageError(app, error);
  }
  if (chosen === undefined) throw new UsageError('syntax', 'nothing to run');
  const { command, parser } = chosen;
  return { kind: 'run', command, values: { ...parser.optsWithGlobals(), ...positionals(command, parser) } };
}

function positionals(command: Command, parser: Parser): Record<string, string | undefined> {
  const keys = Object.keys(command.options).filter((key) => isPositional(command.options[key]));
  return Object.fromEntries(keys.map((key, index) => [key, parser.args[index]]));
}

function isPositional(schema: z.ZodType | undefined): boolean {
  return schema !== undefined && fieldInfo(schema).positional === true;
}

function addOptions(parser: Parser, app: App, shape: Shape): void {
  for (const [key, schema] of Object.entries(shape)) {
    const info = fieldInfo(schema);
    if (info.positional === true) {
      const name = flagName(key);
      parser.argument(info.isRequired ? `<${name}>` : `[${name}]`, helpText(schema, undefined));
      continue;
    }
    const { isFlag = false, isList = false } = info.traits;
    const value = isFlag ? '' : ` <${info.placeholder ?? 'value'}>`;
    const option = new Option(
      `--${flagName(key)}${value}`,
      helpText(schema, environmentName(app, key, schema)),
    );
    if (isList)
      option.argParser((text, earlier: string | undefined) => (earlier ? `${earlier},${text}` : text));
    if (info.hidden === true) option.hideHelp();
    parser.addOption(option);
    if (isFlag) parser.addOption(new Option(`--no-${flagName(key)}`).hideHelp());
  }
}

function helpText(schema: z.ZodType, variable: string | undefined): string {
  const { description = '', unit, secret, defaultText, isRequired, traits } = fieldInfo(schema);
  const facts = [
    traits.choices === undefined ? undefined : `one of ${traits.choices.join(', ')}`,
    unit === undefined ? undefined : `in ${unit} or with a unit`,
    defaultText === undefined || secret === true ? undefined : `default ${defaultText}`,
    isRequired ? 'required' : undefined,
    variable === undefined ? undefined : `env ${variable}`,
  ].filter((fact) => fact !== undefined);
  return facts.length === 0 ? description : `${description} (${facts.join('; ')})`;
}

function optionTerm(option: Option): string {
  const isSwitch = !option.required && option.long !== '--help' && option.long !== '--version';
  return isSwitch ? option.flags.replace(/^--/, '--[no-]') : new Help().optionTerm(option);
}

function addNotes(parser: Parser, examples: readonly string[] = []): void {
  const lines = examples.map((example) => `\n  ${example}`).join('');
  parser.addHelpText('after', `${SOURCES_NOTE}${lines === '' ? '' : `\n\nExamples:${lines}`}`);
}

function usageError(app: App, error: CommanderError): UsageError {
  if (error.code === 'commander.help') {
    return new UsageError('syntax', `missing command: one of ${Object.keys(app.commands ?? {}).join(', ')}`);
  }
  return new UsageError('syntax', error.message.replace(/^error: /, '').replaceAll('\n', ' '));
}
