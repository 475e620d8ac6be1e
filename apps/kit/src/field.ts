/**
 * The types an option can have. Each reads what a flag or an environment variable can carry (text) and what JSON can
 * (numbers, booleans, arrays too), and knows how to say what it expects. They are zod schemas: add `.default(...)`,
 * `.optional()` and `.meta({ description })`.
 */

import { z } from 'zod';
import { fieldInfo, fieldTraits, formatValue } from './field-info.js';
import * as forms from './text-forms.js';

/** A type of option, for {@link field.custom}. */
export interface FieldForm<T> {
  /** What stands between `<` and `>` in the help. */
  readonly placeholder: string;
  /** What is expected, as in `expected a port, 0 to 65535`. */
  readonly expected: string;
  /** The unit of a bare number. */
  readonly unit?: string;
  /** True where JSON may give a number instead of text. */
  readonly isNumeric?: boolean;
  /** The value, or undefined when the text is not one. */
  readonly read: (text: string) => T | undefined;
  /** Writes what `read` reads; `String` when left out. */
  readonly format?: (value: T) => string;
}

/** The least and the largest value that is accepted, both inclusive. */
export interface Range<T> {
  readonly min?: T;
  readonly max?: T;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
/** How much is logged; `silent` is nothing. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The longest time a Node timer takes; longer ones fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

function custom<T>(form: FieldForm<T>): z.ZodType<T> {
  const input = form.isNumeric === true ? z.union([z.string(), z.number()]) : z.string();
  const schema = input.transform((raw, context) => {
    const isRounded = typeof raw === 'number' && Math.abs(raw) > Number.MAX_SAFE_INTEGER;
    const value = isRounded ? undefined : form.read(String(raw));
    if (value !== undefined) return value;
    const message = isRounded ? `${form.expected} (a number this large goes in quotes)` : form.expected;
    context.issues.push({ code: 'custom', message, input: raw });
    return z.NEVER;
  });
  const { placeholder, expected, unit, format } = form;
  return schema
    .register(fieldTraits, { expected, ...(format && { format }) })
    .meta({ placeholder, ...(unit !== undefined && { unit }) });
}

function inRange<T extends number | bigint>(
  read: (text: string) => T | undefined,
  min: T,
  max: T,
): (text: string) => T | undefined {
  return (text) => {
    const value = read(text);
    return value !== undefined && value >= min && value <= max ? value : undefined;
  };
}

/** Any text that is not empty. */
function text(placeholder = 'text'): z.ZodType<string> {
  return custom({ placeholder, expected: 'a text that is not empty', read: (raw) => raw || undefined });
}

/** A path, kept as it was written; relative ones start at the working directory. */
function path(): z.ZodType<string> {
  const read = (raw: string) => (raw === '' || raw.includes('\0') ? undefined : raw);
  return custom({ placeholder: 'path', expected: 'a path', read });
}

/** A host name or IP address; IPv6 comes out without brackets. */
function host(): z.ZodType<string> {
  return custom({ placeholder: 'host', expected: 'a host name or an IP address', read: forms.parseHost });
}

/** A TCP port, 0 to 65535; 0 stands for a free one. */
function port(): z.ZodType<number> {
  const read = inRange(forms.parseSafeInteger, 0, forms.PORT_MAX);
  return custom({ placeholder: 'port', expected: 'a port, 0 to 65535', isNumeric: true, read });
}

/** `host:port`, IPv6 as `[::1]:6900`. */
function address(): z.ZodType<forms.Address> {
  const expected = 'host:port, an IPv6 host in brackets';
  return custom({
    placeholder: 'host:port',
    expected,
    read: forms.parseAddress,
    format: forms.formatAddress,
  });
}

/** A number that is an exact integer, decimal or 0x hexadecimal. */
function integer(range: Range<number> = {}): z.ZodType<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = range;
  const expected = `an integer, ${min} to ${max}`;
  const read = inRange(forms.parseSafeInteger, min, max);
  return custom({ placeholder: 'n', expected, isNumeric: true, read });
}

/** An unsigned 64-bit integer as a bigint, decimal or 0x hexadecimal. In JSON, over 2^53 it goes in quotes. */
function u64(range: Range<bigint> = {}): z.ZodType<bigint> {
  const { min = 0n, max = forms.U64_MAX } = range;
  const expected = `an integer, ${min} to ${max}`;
  return custom({
    placeholder: 'n',
    expected,
    isNumeric: true,
    read: inRange(forms.parseUnsigned, min, max),
  });
}

/** A duration in milliseconds: `500ms`, `10s`, `5m`, `2h`, `1d`, or a bare number. At most what a timer can wait. */
function duration(range: Range<number> = {}): z.ZodType<number> {
  const { min = 0, max = TIMER_MS_MAX } = range;
  const limits = `${forms.formatDurationMs(min)} to ${forms.formatDurationMs(max)}`;
  return custom({
    placeholder: 'duration',
    expected: `a duration such as 500ms, 10s or 5m, ${limits}`,
    unit: 'ms',
    isNumeric: true,
    read: inRange(forms.parseDurationMs, min, max),
    format: forms.formatDurationMs,
  });
}

/** A size in bytes: `64KiB`, `1MiB`, `2GiB`, `512B`, or a bare number. */
function size(range: Range<number> = {}): z.ZodType<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = range;
  const limits =
    max === Number.MAX_SAFE_INTEGER
      ? `at least ${forms.formatSizeBytes(min)}`
      : `${forms.formatSizeBytes(min)} to ${forms.formatSizeBytes(max)}`;
  return custom({
    placeholder: 'size',
    expected: `a size such as 512B, 64KiB or 1MiB, ${limits}`,
    unit: 'bytes',
    isNumeric: true,
    read: inRange(forms.parseSizeBytes, min, max),
    format: forms.formatSizeBytes,
  });
}

/** Bytes in hexadecimal, with or without 0x. The range is in bytes. */
function hex(range: Range<number> = {}): z.ZodType<Uint8Array> {
  const { min = 0, max = Infinity } = range;
  const limits = max === Infinity ? `at least ${min}` : `${min} to ${max}`;
  const read = (raw: string) => {
    const bytes = forms.parseHex(raw);
    return bytes !== undefined && bytes.length >= min && bytes.length <= max ? bytes : undefined;
  };
  const expected = `bytes in hexadecimal, ${limits} of them`;
  return custom({ placeholder: 'hex', expected, read, format: forms.formatHex });
}

/** A URL of one of the given schemes, `http` and `https` when none is given. */
function url(schemes: readonly string[] = ['http', 'https']): z.ZodType<URL> {
  const read = (raw: string) => {
    const parsed = URL.canParse(raw) ? new URL(raw) : undefined;
    return parsed && schemes.includes(parsed.protocol.slice(0, -1)) ? parsed : undefined;
  };
  return custom({ placeholder: 'url', expected: `a URL (${schemes.join(', ')})`, read });
}

/** One of a few words. */
function choice<const W extends string>(words: readonly W[]): z.ZodType<W> {
  const expected = words.length === 1 ? String(words[0]) : `one of ${words.join(', ')}`;
  const read = (raw: string) => words.find((word) => word === raw);
  return custom({ placeholder: words.join('|'), expected, read }).register(fieldTraits, {
    expected,
    choices: words,
  });
}

/** How much to log. */
function logLevel(): z.ZodType<LogLevel> {
  return choice(LOG_LEVELS).meta({ placeholder: 'level' });
}

/** A switch: `--x` and `--no-x`; in the environment `true`, `false`, `1` or `0`. Give it a default. */
function flag(): z.ZodType<boolean> {
  const expected = 'true or false';
  const words: Readonly<Record<string, boolean>> = { true: true, false: false, 1: true, 0: false };
  const input = z.union([z.boolean(), z.enum(Object.keys(words))], { error: expected });
  return input
    .transform((raw) => (typeof raw === 'boolean' ? raw : words[raw] === true))
    .register(fieldTraits, { expected, isFlag: true });
}

/** One or more of another type: separated by commas, by repeating the option, or as an array in JSON. */
function list<T>(item: z.ZodType<T>): z.ZodType<T[]> {
  const { placeholder = 'value', traits } = fieldInfo(item);
  const expected = `one or more of ${traits.expected}, separated by commas`;
  const split = (raw: unknown) =>
    (Array.isArray(raw) ? raw : [raw]).flatMap((part: unknown) =>
      typeof part === 'string' ? part.split(',').map((piece) => piece.trim()) : [part],
    );
  return z
    .preprocess((raw) => (raw === undefined ? raw : split(raw)), z.array(item).min(1, { error: expected }))
    .register(fieldTraits, {
      expected,
      isList: true,
      format: (values: T[]) => values.map((value) => formatValue(traits, value)).join(','),
    })
    .meta({ placeholder: `${placeholder}[,...]` });
}

/** One or more `host:port`. */
function addressList(): z.ZodType<forms.Address[]> {
  return list(address());
}

/** What the first type reads, else what the second does: `either(choice(['latest']), u64())`. */
function either<A, B>(first: z.ZodType<A>, second: z.ZodType<B>): z.ZodType<A | B> {
  const infos = [fieldInfo(first), fieldInfo(second)];
  const expected = infos.map(({ traits }) => traits.expected).join(' or ');
  return z
    .union([first, second], { error: expected })
    .register(fieldTraits, { expected })
    .meta({ placeholder: infos.map((info) => info.placeholder ?? 'value').join('|') });
}

/** Makers of option types; see each for what it reads and gives. */
export const field = {
  text,
  path,
  host,
  port,
  address,
  addressList,
  integer,
  u64,
  duration,
  size,
  hex,
  url,
  choice,
  logLevel,
  flag,
  list,
  either,
  custom,
} as const;
