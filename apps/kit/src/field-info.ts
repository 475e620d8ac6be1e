/**
 * What a field's schema says about itself beyond its type. Help, flags, environment names and error messages are all
 * made from this, so an option is described in one place: its schema.
 */

import { z } from 'zod';

/** What an app says of a field with zod's `.meta({...})`. */
export interface OptionMeta {
  /** What the option does, a sentence part in lower case: `port for clients; 0 takes a free one`. */
  description?: string | undefined;
  /** What stands between `<` and `>` in the help. Field types bring one. */
  readonly placeholder?: string | undefined;
  /** The unit of a bare number: `bytes`, `ms`. Field types bring one. */
  readonly unit?: string | undefined;
  /** The environment variable's full name, where it is not the app's prefix and the option's name. */
  readonly env?: string | undefined;
  /** Not in the help. */
  readonly hidden?: boolean | undefined;
  /** A token or key: its value is in no message, log or help. */
  readonly secret?: boolean | undefined;
  /** An argument by position (in the order of the shape), from the command line only. */
  readonly positional?: boolean | undefined;
}

declare module 'zod' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- merging is how zod types `.meta()`
  interface GlobalMeta extends OptionMeta {}
}

/** What a field type knows of itself; set by the makers in `field`, not by apps. */
export interface FieldTraits {
  /** What is expected, as in `expected a port, 0 to 65535`. */
  readonly expected: string;
  /** A switch without a value on the command line: `--x` and `--no-x`. */
  readonly isFlag?: boolean;
  /** Repeating the option adds to it. */
  readonly isList?: boolean;
  /** The only values there are. */
  readonly choices?: readonly string[];
  /** Writes a parsed value the way its parser reads it. */
  readonly format?: (value: never) => string;
}

export const fieldTraits = z.registry<FieldTraits>();

/** A field as help and messages see it. */
export interface FieldInfo extends OptionMeta {
  readonly traits: FieldTraits;
  readonly isRequired: boolean;
  /** The default as its user would write it; undefined when there is none. */
  readonly defaultText: string | undefined;
}

interface WrapperDef {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly defaultValue?: unknown;
}

/** Gathers what a field and the schemas it wraps (`.default()`, `.optional()`, ...) say; the outermost wins. */
export function fieldInfo(field: z.ZodType): FieldInfo {
  const layers = [...wrappedSchemas(field)].reverse();
  const meta = Object.assign({}, ...layers.map((layer) => layer.meta())) as OptionMeta;
  const traits = layers
    .map((layer) => fieldTraits.get(layer))
    .reduce<FieldTraits>((inner, outer) => ({ ...inner, ...outer }), { expected: 'another value' });
  const defaults = layers.map(defOf).findLast(({ type }) => type === 'default' || type === 'prefault');
  const defaultText =
    defaults === undefined
      ? undefined
      : defaults.type === 'prefault'
        ? String(defaults.defaultValue)
        : formatValue(traits, defaults.defaultValue);
  return { ...meta, traits, isRequired: !field.safeParse(undefined).success, defaultText };
}

/** Writes a parsed value as its user would have. */
export function formatValue(traits: FieldTraits, value: unknown): string {
  return traits.format === undefined ? String(value) : traits.format(value as never);
}

function* wrappedSchemas(field: z.ZodType): Generator<z.ZodType> {
  for (let layer: z.ZodType | undefined = field; layer !== undefined;) {
    yield layer;
    const def: WrapperDef = defOf(layer);
    layer = def.innerType ?? def.in;
  }
}

function defOf(schema: z.ZodType): WrapperDef {
  return schema.def;
}
