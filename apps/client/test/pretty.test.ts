/** Goal: people see what an entry is, whatever the stream carries, and nothing in it can touch their terminal. */

import { describe, expect, it } from 'vitest';
import { blockBookmark, encodeLegacyPayload, encodePayload, type EncodedEntry } from '@ds/zkevm';
import { stdoutScreen } from '../src/formats/index.js';
import { pretty, type Screen } from '../src/formats/pretty.js';

const file: Screen = { columns: undefined, color: false };

/** The lines of a stream with these entries. */
function lines(screen: Screen, ...entries: EncodedEntry[]): string[] {
  const format = pretty(screen);
  const written = entries.map((entry, index) => String(format.entry({ ...entry, number: BigInt(index) })));
  expect(written.every((line) => line.endsWith('\n'))).toBe(true);
  return written.map((line) => line.slice(0, -1));
}

const bookmarkEntry = (style: 'protobuf' | 'legacy'): EncodedEntry => ({
  type: 0xb0,
  data: blockBookmark(7n, style),
});
const hash = new Uint8Array(32).fill(0xab);

describe('a screen', () => {
  it('is as wide as the terminal; one that has no size cuts nothing', () => {
    expect(stdoutScreen({ isTTY: true, columns: 80 })).toMatchObject({ columns: 80 });
    expect(stdoutScreen({ isTTY: true, columns: 0 })).toMatchObject({ columns: undefined });
    expect(stdoutScreen({ isTTY: false, columns: 80 })).toMatchObject({ columns: undefined, color: false });
  });
});

describe('payloads', () => {
  it('of a stream of today are shown by name', () => {
    const block = encodePayload({
      kind: 'l2Block',
      number: 7n,
      timestamp: 1_700_000_000n,
      hash,
      baseFee: Uint8Array.of(1, 0),
    });
    const batch = encodePayload({ kind: 'batchStart', number: 2n, type: 1 });
    const [first, second, third] = lines(file, bookmarkEntry('protobuf'), block, batch);
    expect(first).toBe('        0  bookmark     type=l2Block value=7');
    expect(second).toContain('        1  l2Block      number=7 batchNumber=0 timestamp=2023-11-14T22:13:20Z');
    expect(second).toContain(`hash=0x${'ab'.repeat(32)}`);
    expect(second).toContain('baseFee=256');
    expect(third).toContain('type=regular');
  });

  it('of an old stream are shown by name, told by its first bookmark', () => {
    const end = encodeLegacyPayload({ kind: 'legacyBlockEnd', number: 7n, hash, stateRoot: hash });
    const [, second] = lines(file, bookmarkEntry('legacy'), end);
    expect(second).toMatch(/^ {8}1 {2}legacyBlockEnd {2}number=7 hash=0xabab/);
  });

  it.each([
    ['today', encodePayload({ kind: 'l2BlockEnd', number: 9n }), 'l2BlockEnd'],
    [
      'old',
      encodeLegacyPayload({ kind: 'legacyBlockEnd', number: 9n, hash, stateRoot: hash }),
      'legacyBlockEnd',
    ],
  ])('are recognised before any bookmark is seen: %s', (_age, entry, kind) => {
    expect(lines(file, entry)[0]).toContain(`${kind.padEnd(11)}  number=9`);
  });

  it('that are none are shown as bytes, and do not stop what follows', () => {
    const strange = { type: 77, data: Uint8Array.of(1, 2, 3) };
    const [, second, third, fourth] = lines(
      file,
      bookmarkEntry('protobuf'),
      strange,
      { type: 2, data: Uint8Array.of(0xff) },
      encodePayload({ kind: 'l2BlockEnd', number: 9n }),
    );
    expect(second).toBe('        1  type 77      0x010203');
    expect(third).toBe('        2  type 2       0xff');
    expect(fourth).toContain('number=9');
  });

  it('are bytes throughout where the first bookmark is of no zkEVM stream', () => {
    const end = encodePayload({ kind: 'l2BlockEnd', number: 9n });
    const [first, second] = lines(file, { type: 0xb0, data: Uint8Array.of(1) }, end);
    expect(first).toBe('        0  type 176     0x01');
    expect(second).toContain('type 6 ');
  });

  it('without data leave the rest of the line out', () => {
    expect(lines(file, { type: 77, data: new Uint8Array() })).toEqual(['        0  type 77']);
  });
});

describe('on a terminal', () => {
  const screen: Screen = { columns: 60, color: false };

  it('lines are no longer than it is wide', () => {
    const [bytes, fields] = lines(
      screen,
      { type: 77, data: new Uint8Array(1 << 20) },
      encodePayload({ kind: 'l2Block', number: 7n, debug: 'long '.repeat(50) }),
    );
    expect(bytes).toHaveLength(60);
    expect(bytes).toMatch(/0x0+…$/);
    expect(fields).toHaveLength(60);
  });

  it('hashes are shortened, addresses are not', () => {
    const block = encodePayload({ kind: 'l2Block', hash, coinbase: new Uint8Array(20) });
    const [line] = lines({ columns: 500, color: false }, block);
    expect(line).toContain('hash=0xabababab…abababab ');
    expect(line).toContain(`coinbase=0x${'00'.repeat(20)}`);
  });

  it('colour is added, and only where it is wanted', () => {
    const entry = encodePayload({ kind: 'l2BlockEnd', number: 9n });
    expect(lines({ columns: 80, color: true }, entry)[0]).toContain('\u001b[36m');
    expect(lines({ columns: 80, color: false }, entry)[0]).not.toContain('\u001b');
  });

  it('text from the stream has no power over it', () => {
    const debug = '\u001b[2J\u009b31m\n\u202e"';
    const [line] = lines(file, encodePayload({ kind: 'l2Block', debug }));
    expect(line).toContain(String.raw`debug="\u001b[2J\u009b31m\n\u202e\""`);
  });
});
