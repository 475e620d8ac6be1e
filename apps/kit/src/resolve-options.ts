/**
 * Puts an option's value together: a flag wins over the environment, that over the config file, that over the
 * default. Each value remembers where it came from, so that an error can say so.
 */

import { z } from 'zod';
import { environmentName, flagName, type App, type Shape } from './app.js';
import type { ConfigFile } from './config-file.js';
import { UsageError } from './errors.js';
import { fieldInfo } from './field-info.js';

export interface OptionSources {
  /** What the command line gave, arguments by position included, by option name. */
  readonly commandLine: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file?: ConfigFile | undefined;
}

interface GivenValue {
  readonly raw: unknown;
  /** Where it was given, in the reader's words. */
  readonly origin: string;
}

const SHOWN_VALUE_LENGTH_MAX = 80;

/**
 * Validates a shape's values from all sources. An environment variable that is empty counts as not set.
 *
 * @throws {UsageError} `missing` or `invalid`, naming every option that is wrong, where its value came from, the
 *   value (not a secret one) and what is expected
 */
export function resolveOptions(app: App, shape: Shape, sources: OptionSources): Record<string, unknown> {
  const given = new Map(
    Object.entries(shape).map(([key, schema]) => [key, findValue(app, key, schema, sources)] as const),
  );
  const raw = Object.fromEntries([...given].map(([key, value]) => [key, value?.raw]));
  const result = z.object(shape).safeParse(raw);
  if (result.success) return result.data;

  const problems = new Map<string, string>();
  for (const issue of result.error.issues) {
    const key = String(issue.path[0]);
    const value = given.get(key);
    const schema = shape[key];
    if (schema === undefined || problems.has(key)) continue;
    problems.set(key, value === undefined ? missing(app, key, schema) : invalid(schema, value, issue));
  }
  const isOnlyMissing = [...problems.keys()].every((key) => given.get(key) === undefined);
  throw new UsageError(isOnlyMissing ? 'missing' : 'invalid', [...problems.values()].join('; '));
}

function findValue(app: App, key: string, schema: z.ZodType, sources: OptionSources): GivenValue | undefined {
  const isPositional = fieldInfo(schema).positional === true;
  const typed = sources.commandLine[key];
  if (typed !== undefined)
    return { raw: typed, origin: isPositional ? `<${flagName(key)}>` : `--${flagName(key)}` };
  if (isPositional) return undefined;

  const variable = environmentName(app, key, schema);
  const exported = sources.environment[variable];
  if (exported !== undefined && exported !== '')
    return { raw: exported, origin: `environment variable ${variable}` };

  const { file } = sources;
  if (file === undefined || !Object.hasOwn(file.values, key)) return undefined;
  return { raw: file.values[key], origin: `"${key}" in config file ${file.path}` };
}

function missing(app: App, key: string, schema: z.ZodType): string {
  if (fieldInfo(schema).positional === true) return `missing argument <${flagName(key)}>`;
  const variable = environmentName(app, key, schema);
  return `missing --${flagName(key)} (or ${variable}, or "${key}" in the config file)`;
}

function invalid(schema: z.ZodType, { raw, origin }: GivenValue, issue: z.core.$ZodIssue): string {
  const { secret, traits } = fieldInfo(schema);
  const index = issue.path[1];
  const culprit = issue.code === 'custom' && typeof index === 'number' ? listItem(raw, index) : raw;
  const shown = secret === true ? '' : ` ${show(culprit)}`;
  const expected = issue.code === 'custom' ? issue.message : traits.expected;
  return `bad value${shown} for ${origin}: expected ${expected}`;
}

function listItem(raw: unknown, index: number): unknown {
  const parts = (Array.isArray(raw) ? raw : [raw]) as unknown[];
  return parts.flatMap((part) => (typeof part === 'string' ? part.split(',') : [part]))[index];
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= SHOWN_VALUE_LENGTH_MAX ? text : `${text.slice(0, SHOWN_VALUE_LENGTH_MAX)}...`;
}
