// Lines and operations without a process: any chunks give the same lines, and what makes no operation is named.
import { describe, expect, it } from 'vitest';
import { InputError, operationLine, readLine, readLines, readOperation, type Line } from '../src/index.js';

async function linesOf(chunks: Iterable<Uint8Array>, bytesMax = 1_000): Promise<Line[]> {
  const lines: Line[] = [];
  const stream = (async function* () {
    yield* chunks;
  })();
  for await (const line of readLines(stream, bytesMax)) lines.push(line);
  return lines;
}

describe('Lines', () => {
  const text = Buffer.from('one\n\n  \nfür 4 €\r\n5\nsix');
  const lines = [
    { number: 1, text: 'one' },
    { number: 4, text: 'für 4 €\r' },
    { number: 5, text: '5' },
    { number: 6, text: 'six' },
  ];

  it('have their numbers, blank ones counted but left out', async () => {
    expect(await linesOf([text])).toEqual(lines);
    expect(await linesOf([text, Buffer.from('\n')])).toEqual(lines);
    expect(await linesOf([])).toEqual([]);
  });

  it('are the same in chunks of any size', async () => {
    for (let size = 1; size < text.length; size++) {
      const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
        text.subarray(at * size, (at + 1) * size),
      );
      expect(await linesOf(chunks), `chunks of ${size} bytes`).toEqual(lines);
    }
  });

  it('may be as long as the limit, and no longer, whether they end or not', async () => {
    const longest = Buffer.alloc(10, 'x');
    expect(await linesOf([longest, Buffer.from('\n')], 10)).toEqual([{ number: 1, text: 'xxxxxxxxxx' }]);
    await expect(linesOf([longest, Buffer.from('x\n')], 10)).rejects.toMatchObject({
      name: 'InputError',
      message: 'line 1: it is longer than 10B; see --line-max',
    });
    await expect(linesOf([Buffer.from('\n'), longest, Buffer.from('x')], 10)).rejects.toThrow('line 2: ');
  });

  it('without JSON are named', () => {
    expect(() => readLine({ number: 17, text: '{' }, readOperation)).toThrow(/^line 17: it is no JSON: /);
  });
});

describe('An operation', () => {
  it('has bookmarks and entries, and is committed unless it says otherwise', () => {
    const entries = [{ bookmark: '0x0207' }, { type: 7, data: '0xFF00' }, { type: 4294967295, data: '0x' }];
    const read = [
      { bookmark: Buffer.of(2, 7) },
      { type: 7, data: Buffer.of(255, 0) },
      { type: 4294967295, data: Buffer.of() },
    ];
    expect(readOperation({ entries })).toEqual({ entries: read, rollback: false });
    expect(readOperation({ entries: [], rollback: true })).toEqual({ entries: [], rollback: true });
  });

  it('is written as it is read', () => {
    const stored = [
      { type: 176, data: Uint8Array.of(2, 7) },
      { type: 7, data: Uint8Array.of(255, 0) },
    ];
    const line = operationLine(stored);
    expect(line).toBe('{"entries":[{"bookmark":"0x0207"},{"type":7,"data":"0xff00"}]}\n');
    expect(readOperation(JSON.parse(line))).toMatchObject({
      entries: [{ bookmark: Buffer.of(2, 7) }, { type: 7, data: Buffer.of(255, 0) }],
    });
  });

  it('may have entries as large as a page', () => {
    const { entries } = readOperation({ entries: [{ type: 1, data: `0x${'ab'.repeat(1_048_559)}` }] });
    expect(entries).toMatchObject([{ data: { length: 1_048_559 } }]);
  });

  const entryForm = 'expected {"bookmark":"0x.."} or {"type":1,"data":"0x.."}';
  it.each([
    [[], 'the operation: '],
    [null, 'the operation: '],
    [{ entries: {} }, 'entries: expected a list of entries'],
    [{}, 'entries: expected a list of entries'],
    [{ entries: [], rolback: true }, 'the operation: Unrecognized key: "rolback"'],
    [{ entries: [], rollback: 1 }, 'rollback: expected true or false'],
    [{ entries: [7] }, `entries[0]: ${entryForm}`],
    [{ entries: [{ bookmark: '0x01' }, {}] }, `entries[1]: ${entryForm}`],
    [{ entries: [{ type: 1 }] }, `entries[0]: ${entryForm}`],
    [{ entries: [{ data: '0x' }] }, `entries[0]: ${entryForm}`],
    [{ entries: [{ bookmark: '0x01', type: 1 }] }, `entries[0]: ${entryForm}`],
    [{ entries: [{ bookmark: '0x' }] }, 'entries[0]: a bookmark of 0 bytes: expected 1 to 16'],
    [{ entries: [{ bookmark: `0x${'00'.repeat(17)}` }] }, 'entries[0]: a bookmark of 17 bytes'],
    [
      { entries: [{ bookmark: '0x1' }] },
      'entries[0].bookmark: expected bytes as 0x and two hex digits a byte',
    ],
    [{ entries: [{ type: 1, data: '0x0g' }] }, 'entries[0].data: expected bytes'],
    [{ entries: [{ type: 1, data: '0xé0' }] }, 'entries[0].data: expected bytes'],
    [{ entries: [{ type: 1, data: '00' }] }, 'entries[0].data: expected bytes'],
    [{ entries: [{ type: 1, data: '' }] }, 'entries[0].data: expected bytes'],
    [{ entries: [{ type: 1, data: 5 }] }, 'entries[0].data: expected bytes'],
    [{ entries: [{ type: 1.5, data: '0x' }] }, 'entries[0].type: expected an integer'],
    [{ entries: [{ type: '1', data: '0x' }] }, 'entries[0].type: expected an integer'],
    [{ entries: [{ type: -1, data: '0x' }] }, 'entries[0]: entry type -1 is not a u32'],
    [{ entries: [{ type: 2 ** 32, data: '0x' }] }, 'entries[0]: entry type 4294967296 is not a u32'],
    [{ entries: [{ type: 176, data: '0x01' }] }, 'entries[0]: type 176 is a bookmark'],
    [
      { entries: [{ type: 1, data: `0x${'00'.repeat(1_048_560)}` }] },
      'entries[0]: an entry of type 1 with 1048560',
    ],
  ])('is none, and says where: case %#', (json, problem) => {
    try {
      readOperation(json);
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      expect(error).toMatchObject({ message: expect.stringContaining(problem) as string });
      return;
    }
    throw new Error('it was taken');
  });
});
