/** From arguments, environment and config file to checked options, without touching the process. */

import { builtInOptions, type App, type AppContext, type Options, type Shape } from './app.js';
import { parseCommandLine } from './command-line.js';
import { readConfigFile, type ConfigFile } from './config-file.js';
import { UsageError } from './errors.js';
import { fieldInfo, formatValue } from './field-info.js';
import type { LogLevel } from './field.js';
import { resolveOptions } from './resolve-options.js';

/** All that decides what an app is to do. */
export interface AppInput {
  /** The arguments alone, without node and script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Gives a file's text, or throws. */
  readonly readFile: (path: string) => string;
  /** The help's width; 100 when left out. */
  readonly columns?: number;
}

/** What an app is to do: print a text and end, or run with options. */
export type Invocation =
  | { readonly kind: 'print'; readonly text: string }
  | {
      readonly kind: 'run';
      /** The checked values, as `main` gets them. */
      readonly options: Readonly<Record<string, unknown>>;
      /** The options as their user would write them, secrets masked. */
      readonly printable: Readonly<Record<string, string>>;
      readonly logLevel: LogLevel;
      readonly run: (context: AppContext) => Promise<void>;
    };

/**
 * Finds out what an app is to do. Pure: the same input gives the same answer.
 *
 * @throws {UsageError} when the input is wrong; see its codes
 */
export function parseApp(app: App, input: AppInput): Invocation {
  const line = parseCommandLine(app, input.argv, input.columns ?? 100);
  if (line.kind === 'print') return line;
  const { command, values } = line;
  const sources = { commandLine: values, environment: input.env };

  const { config } = resolve(app, { config: builtInOptions.config }, sources);
  const file = config === undefined ? undefined : readConfigFile(config, fileKeys(app), input.readFile);

  const shape = { ...app.options, ...command.options };
  const all = resolve(app, { ...shape, logLevel: builtInOptions.logLevel }, { ...sources, file });
  const { logLevel, ...options } = all;
  const conflict = command.check?.(options);
  if (conflict !== undefined) throw new UsageError('conflict', conflict);

  return {
    kind: 'run',
    options,
    printable: printable(shape, options),
    logLevel,
    run: (context) => command.main(options, context),
  };
}

function resolve<S extends Shape>(
  app: App,
  shape: S,
  sources: {
    commandLine: Readonly<Record<string, unknown>>;
    environment: AppInput['env'];
    file?: ConfigFile | undefined;
  },
): Options<S> {
  return resolveOptions(app, shape, sources) as Options<S>;
}

function fileKeys(app: App): Set<string> {
  const shapes = [app.options, ...Object.values(app.commands ?? {}).map(({ options }) => options)];
  const keys = shapes.flatMap((shape) =>
    Object.entries(shape).flatMap(([key, schema]) => (fieldInfo(schema).positional === true ? [] : [key])),
  );
  return new Set([...keys, 'logLevel']);
}

function printable(shape: Shape, options: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(shape).flatMap(([key, schema]) => {
    const value = options[key];
    if (value === undefined) return [];
    const { secret, traits } = fieldInfo(schema);
    return [[key, secret === true ? '***' : formatValue(traits, value)]];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}
