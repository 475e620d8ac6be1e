/**
 * The option types. Goal: each reads text (flag, environment) and what JSON can carry, and refuses the rest with a
 * sentence that says what it expects.
 */

import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { fieldInfo } from '../src/field-info.js';
import { field } from '../src/field.js';

const U64_MAX = 2n ** 64n - 1n;

describe('a field reads', () => {
  it.each<[string, z.ZodType, unknown, unknown]>([
    ['a port from text', field.port(), '6900', 6900],
    ['a port from a number', field.port(), 0, 0],
    ['a host', field.host(), '[::1]', '::1'],
    ['an integer in hexadecimal', field.integer(), '0xb0', 176],
    ['a negative integer where the range has some', field.integer({ min: -5 }), '-5', -5],
    ['the largest u64', field.u64(), String(U64_MAX), U64_MAX],
    ['a u64 in hexadecimal', field.u64(), '0xffffffffffffffff', U64_MAX],
    ['a u64 from a number', field.u64(), 7, 7n],
    ['a duration with a unit', field.duration(), '10s', 10_000],
    ['a duration from a number', field.duration(), 250, 250],
    ['a size', field.size(), '1MiB', 1_048_576],
    ['bytes', field.hex({ min: 1, max: 16 }), '0x0007', Uint8Array.of(0, 7)],
    ['a URL', field.url(), 'http://localhost:8545/', new URL('http://localhost:8545/')],
    ['a word', field.choice(['always', 'os']), 'os', 'os'],
    ['a switch from text', field.flag(), '0', false],
    ['a switch from JSON', field.flag(), true, true],
    ['a list from text', field.list(field.integer()), '1, 2,3', [1, 2, 3]],
    ['a list from an array', field.list(field.integer()), [1, '2'], [1, 2]],
    ['a list of one number', field.list(field.integer()), 4, [4]],
    ['the first of two types', field.either(field.choice(['latest']), field.u64()), 'latest', 'latest'],
    ['the second of two types', field.either(field.choice(['latest']), field.u64()), '12', 12n],
    ['an absent list as absent', field.addressList().optional(), undefined, undefined],
  ])('%s', (_what, schema, given, value) => {
    expect(schema.parse(given)).toEqual(value);
  });
});

describe('a field refuses', () => {
  it.each<[string, z.ZodType, unknown]>([
    ['a port beyond 65535', field.port(), '65536'],
    ['a port that is negative', field.port(), '-1'],
    ['a port that is a fraction', field.port(), 1.5],
    ['a port that is empty', field.port(), ''],
    ['a u64 beyond 64 bits', field.u64(), '18446744073709551616'],
    ['a u64 that is negative', field.u64(), '-1'],
    ['a duration longer than a timer can wait', field.duration(), '25d'],
    ['a duration below its least', field.duration({ min: 100 }), '99'],
    ['a size above its largest', field.size({ max: 1024 }), '1025'],
    ['too few bytes', field.hex({ min: 1, max: 16 }), '0x'],
    ['too many bytes', field.hex({ min: 1, max: 16 }), '00'.repeat(17)],
    ['a URL of another scheme', field.url(), 'file:///etc/passwd'],
    ['a word that is none of them', field.choice(['always', 'os']), 'Always'],
    ['a number where text is expected', field.path(), 5],
    ['null', field.port(), null],
    ['an empty list', field.addressList(), []],
    ['a list with one bad item', field.addressList(), 'a:1,b'],
    ['what neither of two types reads', field.either(field.choice(['latest']), field.u64()), 'newest'],
  ])('%s', (_what, schema, given) => {
    expect(schema.safeParse(given).success).toBe(false);
  });

  it('a JSON number that lost digits, and says to quote it', () => {
    const { error } = field.u64().safeParse(2 ** 60);
    expect(error?.issues[0]?.message).toContain('goes in quotes');
  });
});

describe('what a field says of itself', () => {
  it('is kept through default, optional and meta, the outermost winning', () => {
    const info = fieldInfo(
      field.duration().default(90_000).meta({ description: 'how long', placeholder: 'wait' }),
    );
    expect(info).toMatchObject({
      description: 'how long',
      placeholder: 'wait',
      unit: 'ms',
      defaultText: '90s',
    });
    expect(info.isRequired).toBe(false);
    expect(fieldInfo(field.size().optional()).unit).toBe('bytes');
  });

  it('is required without a default', () => {
    expect(fieldInfo(field.addressList()).isRequired).toBe(true);
    expect(fieldInfo(field.flag()).isRequired).toBe(true);
  });

  it('names both of two types', () => {
    const { traits, placeholder } = fieldInfo(
      field.either(field.choice(['latest']), field.integer({ max: 9 })),
    );
    expect(traits.expected).toBe('latest or an integer, 0 to 9');
    expect(placeholder).toBe('latest|n');
  });
});
