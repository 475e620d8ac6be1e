// Goal: what a peer declares is checked before anything is kept for it, and the limits stand exactly where the
// documentation says. Each limit is met once and exceeded by one.
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  ANSWER_PACKET,
  asciiBytes,
  BOOKMARK_BYTES_MAX,
  checkBookmark,
  checkEntry,
  clientCommands,
  CodecError,
  encodeCommand,
  encodeEntry,
  encodeResult,
  encodeSourceMessage,
  ENTRY_BYTES_MAX,
  ENTRY_DATA_BYTES_MAX,
  ENTRY_HEAD_BYTES,
  entryBatch,
  FrameDecoder,
  result,
  ResultCode,
  serverPackets,
  sourceAnswers,
  sourceMessages,
  TOKEN_BYTES_MAX,
  type CodecErrorCode,
  type Grammar,
} from '../src/index.js';
import { goldenEntries, goldenFile, hex } from './golden.js';
import { concat, decode, drain, encodePacket, unbatched } from './support/decoding.js';

const refused = (code: CodecErrorCode): Error =>
  expect.objectContaining({ name: 'CodecError', code }) as Error;

/** How many bytes it takes until a decoder that gets them one by one refuses them. */
function bytesUntilRefusal(grammar: Grammar<unknown>, bytes: Uint8Array, code: CodecErrorCode): number {
  const decoder = new FrameDecoder(grammar);
  for (let count = 1; count <= bytes.length; count++) {
    decoder.push(bytes.slice(count - 1, count));
    try {
      drain(decoder);
    } catch (error) {
      expect(error).toBeInstanceOf(CodecError);
      expect((error as CodecError).code).toBe(code);
      return count;
    }
  }
  throw new Error(`${bytes.length} bytes were not refused`);
}

describe('An entry', () => {
  const entry = (length: number) => ({ type: 1, number: 7n, data: new Uint8Array(length).fill(0xab) });

  it('has at most 1 MiB, 1,048,559 bytes of it data', () => {
    expect(ENTRY_BYTES_MAX).toBe(1024 * 1024);
    expect(ENTRY_DATA_BYTES_MAX).toBe(1_048_559);
  });

  it.each(['entry', 'answer'] as const)(
    'of exactly 1 MiB passes as %s, in one piece and in chunks',
    (kind) => {
      const packet = { kind, entry: entry(ENTRY_DATA_BYTES_MAX) };
      const bytes = encodePacket(packet);
      expect(bytes).toHaveLength(ENTRY_BYTES_MAX);
      const chunks = Array.from({ length: 17 }, (_, i) => bytes.slice(i * 65_000, (i + 1) * 65_000));
      for (const fed of [[bytes], chunks]) {
        const decoded = decode(serverPackets, ...fed).flatMap(unbatched);
        expect(isDeepStrictEqual(decoded, [packet])).toBe(true);
      }
    },
  );

  it('of exactly 1 MiB passes as a message of a source, and a new version of one does', () => {
    const { data } = entry(ENTRY_DATA_BYTES_MAX);
    for (const message of [
      { kind: 'addStreamEntry' as const, entryType: 1, data },
      { kind: 'updateEntryData' as const, entryNumber: 7n, entryType: 1, data },
    ]) {
      const decoded = decode(sourceMessages(1n), encodeSourceMessage(message, 1n));
      expect(isDeepStrictEqual(decoded, [message])).toBe(true);
    }
  });

  it('of one byte more cannot be encoded', () => {
    const large = entry(ENTRY_DATA_BYTES_MAX + 1);
    const { type: entryType, data } = large;
    const tooLarge = refused('entry-too-large');
    expect(() => {
      checkEntry(entryType, data);
    }).toThrow(tooLarge);
    expect(() => encodeEntry(large)).toThrow(tooLarge);
    expect(() => encodeSourceMessage({ kind: 'addStreamEntry', entryType, data }, 1n)).toThrow(tooLarge);
    expect(() =>
      encodeSourceMessage({ kind: 'updateEntryData', entryNumber: 7n, entryType, data }, 1n),
    ).toThrow(tooLarge);
  });

  it('of one byte more is refused as soon as its head is in', () => {
    expect(
      bytesUntilRefusal(serverPackets, hex('02 00100001 00000001 0000000000000007 00'), 'packet-length'),
    ).toBe(17);
    expect(
      bytesUntilRefusal(serverPackets, hex('fe 00100001 00000001 0000000000000007 00'), 'packet-length'),
    ).toBe(17);
    const add = hex('0000000000000102 0000000000000001 00000001 000ffff0 00');
    expect(bytesUntilRefusal(sourceMessages(1n), add, 'entry-too-large')).toBe(24);
    const update = hex('0000000000000107 0000000000000001 0000000000000007 00000001 000ffff0 00');
    expect(bytesUntilRefusal(sourceMessages(1n), update, 'entry-too-large')).toBe(32);
  });

  it('that declares less than its head is refused', () => {
    expect(() => decode(serverPackets, hex('02 00000010 00000001 0000000000000007'))).toThrow(
      refused('packet-length'),
    );
    expect(() => decode(serverPackets, hex('fe 00000000 00000001 0000000000000007'))).toThrow(
      refused('packet-length'),
    );
  });

  it('that breaks a limit behind good ones is refused after them', () => {
    const good = encodeEntry(entry(3));
    const decoder = new FrameDecoder(serverPackets);
    decoder.push(concat([good, hex('02 ffffffff 00000001 0000000000000008')]));
    expect(decoder.next()).toMatchObject({ kind: 'entries', batch: { firstEntry: 7n, count: 1 } });
    expect(() => decoder.next()).toThrow(refused('packet-length'));
  });
});

describe('A length that is only declared', () => {
  const declared = [
    {
      what: 'an entry of 1 MiB',
      grammar: serverPackets,
      bytes: hex('02 00100000 00000001 0000000000000007'),
    },
    {
      what: 'an answer of 1 MiB',
      grammar: serverPackets,
      bytes: hex('fe 00100000 00000001 0000000000000007'),
    },
    {
      what: 'a message of 1 MiB',
      grammar: sourceMessages(1n),
      bytes: hex('0000000000000102 0000000000000001 00000001 000fffef'),
    },
  ];

  it.each(declared)('takes no memory for $what', ({ grammar, bytes }) => {
    const before = process.memoryUsage().arrayBuffers;
    const decoders = Array.from({ length: 1_000 }, () => {
      const decoder = new FrameDecoder<unknown>(grammar);
      decoder.push(bytes.slice());
      expect(decoder.next()).toBeUndefined();
      return decoder;
    });
    // A thousand declared MiB are kept as what has arrived: a few hundred bytes each.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 << 20);
    expect(decoders.every((decoder) => decoder.bufferedBytes === bytes.length)).toBe(true);
  });

  it('is made good byte by byte without copying all that is there for each of them', () => {
    const bytes = encodeEntry({ type: 1, number: 0n, data: new Uint8Array(ENTRY_DATA_BYTES_MAX) });
    const decoder = new FrameDecoder(serverPackets);
    let packets = 0;
    const started = performance.now();
    for (let at = 0; at < bytes.length; at++) {
      decoder.push(bytes.subarray(at, at + 1));
      packets += drain(decoder).length;
    }
    expect(packets).toBe(1);
    // Copied for each byte it would be 512 GiB: minutes, not the fraction of a second that it takes.
    expect(performance.now() - started).toBeLessThan(15_000);
  });
});

describe('A bookmark', () => {
  const head = { startBookmark: '0000000000000004', bookmark: '0000000000000006' };

  it.each([1, BOOKMARK_BYTES_MAX])('may have %i bytes', (length) => {
    const bookmark = new Uint8Array(length).fill(0xcd);
    for (const kind of ['startBookmark', 'bookmark'] as const) {
      expect(decode(clientCommands(1n), encodeCommand({ kind, bookmark }, 1n))).toEqual([{ kind, bookmark }]);
    }
    const message = { kind: 'addStreamBookmark' as const, bookmark };
    expect(decode(sourceMessages(1n), encodeSourceMessage(message, 1n))).toEqual([message]);
  });

  it.each([0, 17])('may not have %i bytes', (length) => {
    const bookmark = new Uint8Array(length);
    const bad = refused('bookmark-length');
    expect(() => {
      checkBookmark(bookmark);
    }).toThrow(bad);
    expect(() => encodeCommand({ kind: 'startBookmark', bookmark }, 1n)).toThrow(bad);
    expect(() => encodeCommand({ kind: 'bookmark', bookmark }, 1n)).toThrow(bad);
    expect(() => encodeSourceMessage({ kind: 'addStreamBookmark', bookmark }, 1n)).toThrow(bad);
  });

  it.each(['00000000', '00000011', 'ffffffff'])(
    'of 0x%s bytes is refused as soon as its length is in',
    (length) => {
      for (const command of Object.values(head)) {
        const bytes = hex(`${command} 0000000000000001 ${length} 00`);
        expect(bytesUntilRefusal(clientCommands(1n), bytes, 'bookmark-length')).toBe(20);
      }
      const message = hex(`0000000000000103 0000000000000001 ${length} 00`);
      expect(bytesUntilRefusal(sourceMessages(1n), message, 'bookmark-length')).toBe(20);
    },
  );
});

describe('A command', () => {
  it('has at most 36 bytes, and 4,116 where it carries a token', () => {
    expect(encodeCommand({ kind: 'bookmark', bookmark: new Uint8Array(16) }, 1n)).toHaveLength(36);
    const token = new Uint8Array(TOKEN_BYTES_MAX);
    expect(encodeCommand({ kind: 'authenticate', token }, 1n)).toHaveLength(4_116);
  });

  it('for another stream type is refused as soon as 16 bytes are in, known or not', () => {
    const start = hex('0000000000000001 0000000000000002 0000000000000000');
    expect(bytesUntilRefusal(clientCommands(1n), start, 'wrong-stream-type')).toBe(16);
    const unknown = hex('00000000000000ff 0000000000000002 00');
    expect(bytesUntilRefusal(clientCommands(1n), unknown, 'wrong-stream-type')).toBe(16);
    const commit = hex('0000000000000104 8000000000000001 00');
    expect(bytesUntilRefusal(sourceMessages(1n), commit, 'wrong-stream-type')).toBe(16);
    const nearly = encodeCommand({ kind: 'stop' }, 2n ** 53n);
    expect(bytesUntilRefusal(clientCommands(2n ** 53n + 1n), nearly, 'wrong-stream-type')).toBe(16);
  });

  it.each([
    '0000000000000000',
    '0000000000000007',
    '0000000000000100',
    '0000000000000200',
    '0000000100000001',
    'ffffffffffffffff',
  ])('with number 0x%s is not known to a server of clients', (command) => {
    expect(
      bytesUntilRefusal(clientCommands(1n), hex(`${command} 0000000000000001 00`), 'unknown-command'),
    ).toBe(16);
  });

  it.each([
    '0000000000000001',
    '00000000000000ff',
    '0000000000000109',
    '0000000100000100',
    'ffffffffffffffff',
  ])('with number 0x%s is not known to a server of sources', (message) => {
    expect(
      bytesUntilRefusal(sourceMessages(1n), hex(`${message} 0000000000000001 00`), 'unknown-command'),
    ).toBe(16);
  });
});

describe('A token', () => {
  const open = (length: number) => ({
    kind: 'openSource' as const,
    protocolVersion: 1n,
    systemId: 1n,
    epoch: 1n,
    token: new Uint8Array(length).fill(0x74),
  });

  const authenticate = (length: number) => ({ kind: 'authenticate' as const, token: open(length).token });

  it.each([0, TOKEN_BYTES_MAX])('may have %i bytes', (length) => {
    expect(decode(clientCommands(1n), encodeCommand(authenticate(length), 1n))).toEqual([
      authenticate(length),
    ]);
    expect(decode(sourceMessages(1n), encodeSourceMessage(open(length), 1n))).toEqual([open(length)]);
  });

  it('may not have 4,097', () => {
    expect(() => encodeSourceMessage(open(4_097), 1n)).toThrow(refused('token-length'));
    const bytes = encodeSourceMessage(open(2), 1n);
    bytes.set(hex('00001001'), 40);
    expect(bytesUntilRefusal(sourceMessages(1n), bytes, 'token-length')).toBe(44);
    expect(() => encodeCommand(authenticate(4_097), 1n)).toThrow(refused('token-length'));
    const command = encodeCommand(authenticate(2), 1n);
    command.set(hex('00001001'), 16);
    expect(bytesUntilRefusal(clientCommands(1n), command, 'token-length')).toBe(20);
  });
});

describe('A result', () => {
  it('has a text of at most 4,096 bytes: what is longer is cut', () => {
    const bytes = encodeResult(result(ResultCode.storageFailed, 'x'.repeat(5_000)));
    expect(bytes).toHaveLength(9 + 4_096);
    expect(decode(sourceAnswers, bytes)).toEqual([result(ResultCode.storageFailed, 'x'.repeat(4_096))]);
  });

  it.each(['00001009', '00000009'])('may have 0x%s bytes', (length) => {
    const bytes = new Uint8Array(parseInt(length, 16)).fill(0x78);
    bytes.set(hex(`ff ${length} 00000000`));
    expect(decode(serverPackets, bytes)).toHaveLength(1);
  });

  it.each(['0000100a', '00000008', 'ffffffff'])(
    'of 0x%s bytes is refused as soon as its length is in',
    (length) => {
      const bytes = hex(`ff ${length} 00000000`);
      expect(bytesUntilRefusal(serverPackets, bytes, 'packet-length')).toBe(5);
      expect(bytesUntilRefusal(sourceAnswers, bytes, 'packet-length')).toBe(5);
    },
  );

  it('holds printable ASCII only, whatever is put in or comes in', () => {
    const text = 'naïve\n🙂 \u007f';
    expect(encodeResult(result(1, text)).subarray(9)).toEqual(asciiBytes('na?ve?? ?'));
    expect(decode(serverPackets, encodeResult(result(1, text)))).toEqual([result(1, 'na?ve?? ?')]);
    expect(decode(serverPackets, hex('ff 0000000d 00000001 411b5bff'))).toEqual([result(1, 'A?[?')]);
  });

  it('has the standard text of its number unless it is given one', () => {
    expect(result(ResultCode.badFromEntry).text).toBe('Bad from entry');
    expect(result(9_999).text).toBe('Error 9999');
    expect(result(ResultCode.badFromEntry, '').text).toBe('');
  });
});

describe('A packet', () => {
  it.each([0x00, 0x03, 0x06, 0x07, 0x80, 0xfd])('that starts with byte %i is refused at once', (first) => {
    expect(bytesUntilRefusal(serverPackets, Uint8Array.of(first, 0), 'unknown-packet')).toBe(1);
    expect(bytesUntilRefusal(sourceAnswers, Uint8Array.of(first, 0), 'unknown-packet')).toBe(1);
  });

  it('of entries is none for a source', () => {
    expect(bytesUntilRefusal(sourceAnswers, goldenFile.data, 'unknown-packet')).toBe(1);
    expect(bytesUntilRefusal(sourceAnswers, Uint8Array.of(ANSWER_PACKET), 'unknown-packet')).toBe(1);
  });

  it('of a header has 38 bytes and says so', () => {
    const header = hex('01 00000027 01 0000000000000089 0000000000000001 0000000000001041 0000000000000003');
    expect(bytesUntilRefusal(serverPackets, header, 'packet-length')).toBe(38);
    expect(bytesUntilRefusal(sourceAnswers, header, 'packet-length')).toBe(38);
  });
});

describe('A batch', () => {
  it('is whole entries, and at least one', () => {
    const { data } = goldenFile;
    expect(entryBatch(data)).toMatchObject({ firstEntry: 0n, count: 3 });
    expect(() => entryBatch(new Uint8Array(0))).toThrow(refused('packet-length'));
    expect(() => entryBatch(data.subarray(0, data.length - 1))).toThrow(refused('unknown-packet'));
    expect(() => entryBatch(data.subarray(0, 26 + 20))).toThrow(refused('packet-length'));
    expect(() => entryBatch(concat([data, hex('00')]))).toThrow(refused('unknown-packet'));
  });

  it('takes in all entries of a chunk that are complete, and leaves the rest for the next', () => {
    const { data } = goldenFile;
    const decoder = new FrameDecoder(serverPackets);
    decoder.push(data.slice(0, data.length - 1));
    expect(decoder.next()).toMatchObject({ kind: 'entries', batch: { firstEntry: 0n, count: 2 } });
    expect(decoder.next()).toBeUndefined();
    expect(decoder.bufferedBytes).toBe(ENTRY_HEAD_BYTES - 1);
    decoder.push(data.slice(-1));
    expect(decoder.next()).toMatchObject({ kind: 'entries', batch: { firstEntry: 2n, count: 1 } });
  });

  it('gives its entries by index, in parts, and in memory of its own', () => {
    const { data } = goldenFile;
    const batch = entryBatch(data);
    expect([0, 1, 2].map((index) => batch.entry(index))).toEqual(goldenEntries);
    expect([0, 1, 2].map((index) => batch.type(index))).toEqual(goldenEntries.map(({ type }) => type));
    expect([0, 1, 2].map((index) => batch.data(index))).toEqual(goldenEntries.map((entry) => entry.data));
    expect([0, 1, 2, 3].map((index) => batch.offset(index))).toEqual([0, 26, 48, 65]);
    expect(batch.nextEntry).toBe(3n);
    for (const index of [-1, 3, 0.5]) expect(() => batch.entry(index)).toThrow(RangeError);

    const rest = batch.slice(1, 3);
    expect(rest).toMatchObject({ firstEntry: 1n, count: 2 });
    expect([...rest]).toEqual(goldenEntries.slice(1));
    expect(rest.data(0)).toEqual(goldenEntries[1]?.data);
    expect(rest.bytes.buffer).toBe(data.buffer);
    expect(batch.slice(0, 3)).toBe(batch);

    const copy = rest.copy();
    expect([...copy]).toEqual(goldenEntries.slice(1));
    expect(copy.bytes.buffer).not.toBe(data.buffer);
  });
});
