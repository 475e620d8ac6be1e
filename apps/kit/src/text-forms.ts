/**
 * How values are written by people: addresses, durations, sizes, integers, bytes.
 * A `parse` function returns undefined for what it can't read; its `format` twin writes what `parse` reads.
 */

import { isIPv6 } from 'node:net';

/** Where to connect or listen. `host` is a name or an IP address, IPv6 without brackets; `port` is 0 to 65535. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export const U64_MAX = 0xffff_ffff_ffff_ffffn;
export const PORT_MAX = 65_535;

const DURATION_UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const SIZE_UNITS_BYTES = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** Reads a decimal (`255`) or hexadecimal (`0xff`) unsigned integer of any size. */
export function parseUnsigned(text: string): bigint | undefined {
  return /^(?:\d+|0x[0-9a-f]+)$/i.test(text) ? BigInt(text) : undefined;
}

/** Reads an integer that a number holds exactly: decimal, signed or not, or hexadecimal. */
export function parseSafeInteger(text: string): number | undefined {
  const value = /^(?:-?\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Reads a host name, an IPv4 address, or an IPv6 address with or without brackets (returned without). */
export function parseHost(text: string): string | undefined {
  const bare = /^\[(.*)\]$/.exec(text)?.[1];
  if (bare !== undefined) return isIPv6(bare) ? bare : undefined;
  return isIPv6(text) || /^[\w.-]+$/.test(text) ? text : undefined;
}

/** Reads `host:port`; an IPv6 host stands in brackets, as in `[::1]:6900`. */
export function parseAddress(text: string): Address | undefined {
  const [, hostText = '', portText = ''] = /^(\[.*\]|[^:]*):(\d{1,5})$/.exec(text) ?? [];
  const host = parseHost(hostText);
  const port = parseSafeInteger(portText);
  return host === undefined || port === undefined || port > PORT_MAX ? undefined : { host, port };
}

/** Writes `host:port`, an IPv6 host in brackets. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Reads `500ms`, `10s`, `1.5m`, `2h`, `1d` or a bare number of milliseconds. Returns whole milliseconds. */
export function parseDurationMs(text: string): number | undefined {
  return parseMeasure(text, DURATION_UNITS_MS, 'ms');
}

/** Writes milliseconds in the largest unit that keeps them whole: 90000 is `90s`, 120000 is `2m`. */
export function formatDurationMs(milliseconds: number): string {
  return formatMeasure(milliseconds, DURATION_UNITS_MS);
}

/** Reads `64KiB`, `1MiB`, `2GiB`, `512B` or a bare number of bytes. Returns whole bytes. */
export function parseSizeBytes(text: string): number | undefined {
  return parseMeasure(text, SIZE_UNITS_BYTES, 'B');
}

/** Writes bytes in the largest unit that keeps them whole: 65536 is `64KiB`. */
export function formatSizeBytes(bytes: number): string {
  return formatMeasure(bytes, SIZE_UNITS_BYTES);
}

/** Reads an even number of hexadecimal digits, with or without `0x`, into bytes of their own. */
export function parseHex(text: string): Uint8Array | undefined {
  const digits = /^(?:0x)?((?:[0-9a-f]{2})*)$/i.exec(text)?.[1];
  return digits === undefined ? undefined : new Uint8Array(Buffer.from(digits, 'hex'));
}

/** Writes bytes as `0x` and lower-case digits. */
export function formatHex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

function parseMeasure(text: string, units: Readonly<Record<string, number>>, bareUnit: string) {
  const [, amount, unit = bareUnit] = /^(\d+(?:\.\d+)?)\s*([a-z]+)?$/i.exec(text) ?? [];
  if (amount === undefined || !Object.hasOwn(units, unit)) return undefined;
  const value = Number(amount) * (units[unit] ?? NaN);
  const rounded = Math.round(value);
  const isWhole = Math.abs(value - rounded) < 1e-6;
  return isWhole && Number.isSafeInteger(rounded) ? rounded : undefined;
}

function formatMeasure(value: number, units: Readonly<Record<string, number>>): string {
  const fits = Object.entries(units).filter(([, scale]) => value !== 0 && value % scale === 0);
  const [unit, scale] = fits.at(-1) ?? Object.entries(units)[0] ?? ['', 1];
  return `${value / scale}${unit}`;
}
