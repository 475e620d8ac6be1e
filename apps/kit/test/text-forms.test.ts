/**
 * The forms in which people write values. Goal: what is written can be read back, and what is not a value is refused
 * rather than guessed at. Method: tables of examples, and random values through format and parse.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as forms from '../src/text-forms.js';

describe('an address', () => {
  it.each([
    ['localhost:6900', { host: 'localhost', port: 6900 }],
    ['10.0.0.1:0', { host: '10.0.0.1', port: 0 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
  ])('%s is read, and written the same', (text, address) => {
    expect(forms.parseAddress(text)).toEqual(address);
    expect(forms.formatAddress(address)).toBe(text);
  });

  it.each([
    '',
    'localhost',
    ':6900',
    'a:65536',
    'a:-1',
    'a:6900x',
    '::1:6900',
    '[::1]',
    '[host]:1',
    'a b:1',
    'a:1:2',
  ])('%j is refused', (text) => {
    expect(forms.parseAddress(text)).toBeUndefined();
  });
});

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['500', 500],
    ['10s', 10_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['0', 0],
  ])('%s is %i ms', (text, milliseconds) => {
    expect(forms.parseDurationMs(text)).toBe(milliseconds);
  });

  it.each(['', 's', '-1s', '1x', '0.5ms', '1s2', '1e3', '10S', 'Infinity', '1toString'])(
    '%j is refused',
    (text) => {
      expect(forms.parseDurationMs(text)).toBeUndefined();
    },
  );

  it('is written in the largest unit that keeps it whole', () => {
    expect([0, 1, 1500, 90_000, 120_000, 86_400_000].map(forms.formatDurationMs)).toEqual([
      '0ms',
      '1ms',
      '1500ms',
      '90s',
      '2m',
      '1d',
    ]);
  });
});

describe('a size', () => {
  it.each([
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['1.5KiB', 1536],
    ['2GiB', 2_147_483_648],
    ['512B', 512],
    ['4096', 4096],
  ])('%s is %i bytes', (text, bytes) => {
    expect(forms.parseSizeBytes(text)).toBe(bytes);
  });

  it.each(['', '1KB', '1kib', '0.3KiB', '-1', '9007199254740993'])('%j is refused', (text) => {
    expect(forms.parseSizeBytes(text)).toBeUndefined();
  });
});

describe('bytes in hexadecimal', () => {
  it.each(['0x0', 'xyz', '0xgg', '0x 00', '00 11'])('%j is refused', (text) => {
    expect(forms.parseHex(text)).toBeUndefined();
  });

  it('need no 0x', () => {
    expect(forms.parseHex('00fF')).toEqual(Uint8Array.of(0, 255));
  });
});

it('every value that is written is read back as it was', () => {
  const roundTrip = <T>(
    arbitrary: fc.Arbitrary<T>,
    format: (value: T) => string,
    parse: (text: string) => unknown,
  ) => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        expect(parse(format(value))).toEqual(value);
      }),
      { seed: 6900 },
    );
  };
  roundTrip(fc.maxSafeNat(), forms.formatDurationMs, forms.parseDurationMs);
  roundTrip(fc.maxSafeNat(), forms.formatSizeBytes, forms.parseSizeBytes);
  roundTrip(fc.uint8Array(), forms.formatHex, forms.parseHex);
  roundTrip(
    fc.record(
      { host: fc.oneof(fc.ipV4(), fc.ipV6()), port: fc.nat(forms.PORT_MAX) },
      { noNullPrototype: true },
    ),
    forms.formatAddress,
    forms.parseAddress,
  );
});
