/** Reads the config file: one JSON object whose keys are option names. */

import { UsageError, describeError } from './errors.js';

/** A config file's values, still unchecked, and where they stand. */
export interface ConfigFile {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Reads and parses a config file.
 *
 * @param knownKeys every option of the app, so that one file serves all its commands
 * @throws {UsageError} `config` when it can't be read, is not a JSON object, or has a key no command knows
 */
export function readConfigFile(
  path: string,
  knownKeys: ReadonlySet<string>,
  readFile: (path: string) => string,
): ConfigFile {
  const values = parseObject(path, readText(path, readFile));
  const unknown = Object.keys(values).filter((key) => !knownKeys.has(key));
  if (unknown.length > 0) {
    const named = unknown.map((key) => `"${key}"${suggestion(key, knownKeys)}`).join(', ');
    throw new UsageError('config', `unknown key ${named} in config file ${path}`);
  }
  return { path, values };
}

function readText(path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path);
  } catch (cause) {
    throw new UsageError('config', `can't read config file ${path}: ${describeError(cause)}`, { cause });
  }
}

function parseObject(path: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UsageError('config', `config file ${path} is not JSON: ${describeError(cause)}`, { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new UsageError('config', `config file ${path} must hold one JSON object, {"name": value, ...}`);
}

function suggestion(key: string, knownKeys: ReadonlySet<string>): string {
  const plain = (name: string) => name.replaceAll(/[-_]/g, '').toLowerCase();
  const meant = [...knownKeys].find((known) => plain(known) === plain(key));
  return meant === undefined ? '' : ` (write "${meant}")`;
}
