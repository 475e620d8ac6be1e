/** How `ds-stream` writes figures, tables and JSON. */

/** `1,234 entries`, `1 entry`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** `entries`, counted. */
export function entriesText(count: number): string {
  return counted(count, 'entry', 'entries');
}

/** `1,048,576`. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

/** `entry 7`, `entries 7 to 9`. */
export function rangeText(first: number, last: number): string {
  return first === last ? `entry ${first}` : `entries ${first} to ${last}`;
}

/** Names and values below each other. */
export function table(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}

/** One line of JSON; 64-bit integers are in quotes. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item))}\n`;
}
