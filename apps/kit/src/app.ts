/**
 * What an app is: a name, options, and either one `main` or several commands. Everything else (help, environment
 * names, config keys, validation) follows from the options.
 */

import type { Logger } from 'pino';
import type { z } from 'zod';
import { fieldInfo } from './field-info.js';
import { field } from './field.js';
import type { Address } from './text-forms.js';

/** The options of an app or command: camelCase names and their types, from `field`. */
export type Shape = Readonly<Record<string, z.ZodType>>;

/** The values that `main` gets for a shape. */
export type Options<S extends Shape> = z.output<z.ZodObject<S>>;

/** What a running app is given besides its options. */
export interface AppContext {
  /** Writes to stderr. The options' `secret` values are never in it unless the app logs them. */
  readonly logger: Logger;
  /** Fires when the app is to end: SIGINT, SIGTERM, or the reader of its output is gone. */
  readonly signal: AbortSignal;
  /** Resolves when `signal` fires, never rejects: what a daemon waits for. */
  readonly stopped: Promise<void>;
  /** Prints the one line that says a daemon is ready, with where it listens. Call it once. */
  readonly ready: (addresses: Readonly<Record<string, Address | string>>) => void;
  /** Writes to stdout; resolves when more can be taken, rejects when the app is to end while stdout is full. */
  readonly write: (chunk: string | Uint8Array) => Promise<void>;
}

/** What there is to run: options and what to do with them. */
export interface Command<S extends Shape = Shape> {
  /** One sentence for the help. */
  readonly description: string;
  readonly options: S;
  /** Whole command lines for the help. */
  readonly examples?: readonly string[];
  /** A rule over several options: what is wrong in one sentence, or undefined. Runs after each value is valid. */
  check?(options: Options<S>): string | undefined;
  /** Ends with status 0 when it resolves, 1 when it rejects. It must end soon after `context.signal` fires. */
  main(options: Options<S>, context: AppContext): Promise<void>;
}

interface AppIdentity {
  /** The program's name, `ds-server`; the prefix of its environment variables is made from it, `DS_SERVER_`. */
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly examples?: readonly string[];
}

/** An app that does one thing. */
export interface SingleApp<S extends Shape = Shape> extends AppIdentity, Command<S> {
  readonly commands?: undefined;
}

/** An app with commands. Its `options` are every command's too, and may stand before or after the command's name. */
export interface CommandApp extends AppIdentity {
  readonly options: Shape;
  readonly commands: Readonly<Record<string, Command>>;
}

export type App = SingleApp | CommandApp;

/** Options that the kit itself adds to each app. */
export const builtInOptions = {
  config: field
    .path()
    .optional()
    .meta({ placeholder: 'file', description: 'JSON file with options, keys in camelCase' }),
  logLevel: field.logLevel().default('info').meta({ description: 'how much to log on stderr' }),
};

const reservedNames = new Set([...Object.keys(builtInOptions), 'help', 'version']);

/** Types an app that does one thing; throws a TypeError where an option's name can't be used. */
export function defineApp<const S extends Shape>(app: SingleApp<S>): App;
/** Types an app with commands. */
export function defineApp(app: CommandApp): App;
export function defineApp(app: App): App {
  checkNames(app.options);
  for (const command of Object.values(app.commands ?? {})) checkNames(command.options);
  return app;
}

/**
 * Types a command. Spread the app's common options into its own, so that `main` sees both:
 * `options: { ...common, from: field.u64() }`.
 */
export function defineCommand<const S extends Shape>(command: Command<S>): Command {
  return command;
}

/** The environment variable of an option: `DS_SERVER_SOURCE_PORT` for `ds-server` and `sourcePort`. */
export function environmentName(app: App, key: string, schema: z.ZodType): string {
  return fieldInfo(schema).env ?? `${app.name}-${flagName(key)}`.replaceAll('-', '_').toUpperCase();
}

/** `source-port` for `sourcePort`. */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function checkNames(shape: Shape): void {
  for (const key of Object.keys(shape)) {
    if (reservedNames.has(key)) throw new TypeError(`option ${key} is the kit's own: choose another name`);
    if (!/^(?!no[A-Z])[a-z][a-zA-Z\d]*$/.test(key)) {
      throw new TypeError(`option ${key} makes no good flag: use camelCase that does not start with no`);
    }
  }
}
