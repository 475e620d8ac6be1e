/**
 * How things go wrong on a command line: misuse is the caller's to mend (status 2), anything else is a failure
 * (status 1). Either way the person at the terminal gets one line.
 */

import { inspect } from 'node:util';

/**
 * What kind of misuse it was:
 * - `syntax`: the command line itself (unknown option or command, missing argument)
 * - `missing`: a required option was given nowhere
 * - `invalid`: a value is not what its option takes
 * - `config`: the config file can't be read, is not a JSON object, or has an unknown key
 * - `conflict`: options that don't go together
 */
export type UsageErrorCode = 'syntax' | 'missing' | 'invalid' | 'config' | 'conflict';

/**
 * The command line, environment or config file is wrong. An app may throw it from `main` too; it ends with status 2.
 * The message is one line that names the option and what to do.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code: UsageErrorCode;

  constructor(code: UsageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What a program was given to read is not what it should be. The message names the place. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/**
 * One readable line for any thrown value: its message, then the messages of its causes, each said once.
 * An aggregate (a connection tried on several addresses) speaks through its first error.
 */
export function describeError(thrown: unknown): string {
  const said: string[] = [];
  const seen = new Set<unknown>();
  for (
    let error = thrown;
    error !== undefined && error !== null && !seen.has(error);
    error = causeOf(error)
  ) {
    seen.add(error);
    const message = messageOf(error);
    if (message !== '' && !said.some((earlier) => earlier.includes(message))) said.push(message);
  }
  return said.length > 0 ? said.join(': ') : 'failed without a message';
}

function causeOf(error: unknown): unknown {
  if (error instanceof AggregateError) return error.cause ?? error.errors[0];
  return error instanceof Error ? error.cause : undefined;
}

function messageOf(error: unknown): string {
  if (error instanceof Error) {
    // OpenSSL's message is a line of its own log, with file and line of its source.
    if ('library' in error && 'reason' in error && typeof error.reason === 'string') return error.reason;
    const unnamed = error instanceof AggregateError ? '' : error.name;
    return oneLine(error.message === '' ? unnamed : error.message);
  }
  return oneLine(typeof error === 'string' ? error : inspect(error, { depth: 1, breakLength: Infinity }));
}

function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, ' ').trim();
}
