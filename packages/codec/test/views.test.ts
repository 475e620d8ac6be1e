// Goal: it is certain what of a frame is a view of the bytes that came in, and what is a copy. Each frame is decoded from
// a chunk that is then overwritten: a copy stays, a view changes.
import { describe, expect, it } from 'vitest';
import {
  clientCommands,
  encodeCommand,
  encodeEntry,
  encodeResult,
  encodeSourceMessage,
  entryAt,
  entryBatch,
  ANSWER_PACKET,
  FrameDecoder,
  result,
  serverPackets,
  sourceMessages,
  type Grammar,
} from '../src/index.js';
import { goldenFile, hex } from './golden.js';
import { drain, singleBytes } from './support/decoding.js';

const value = hex('0102030405');
const entry = { type: 1, number: 1n, data: value };

/** The field of a frame, decoded from a chunk that was overwritten since. */
function afterOverwriting<Frame>(
  grammar: Grammar<Frame>,
  bytes: Uint8Array,
  field: (frame: Frame) => unknown,
): unknown {
  const decoder = new FrameDecoder(grammar);
  // As sockets deliver it: the `slice` of a Buffer is a view, unlike that of other byte arrays.
  const chunk = Buffer.from(bytes);
  decoder.push(chunk);
  const frame = decoder.next();
  if (frame === undefined) throw new Error('the bytes are no whole frame');
  const found = field(frame);
  chunk.fill(0xee);
  return found instanceof Uint8Array ? new Uint8Array(found) : found;
}

const command = (kind: 'startBookmark' | 'bookmark'): Uint8Array =>
  encodeCommand({ kind, bookmark: value }, 1n);
const openSource = encodeSourceMessage(
  { kind: 'openSource', protocolVersion: 1n, systemId: 1n, epoch: 1n, token: value },
  1n,
);
const addBookmark = encodeSourceMessage({ kind: 'addStreamBookmark', bookmark: value }, 1n);
const addEntry = encodeSourceMessage({ kind: 'addStreamEntry', entryType: 1, data: value }, 1n);
const update = encodeSourceMessage(
  { kind: 'updateEntryData', entryNumber: 1n, entryType: 1, data: value },
  1n,
);

describe('Of what is decoded, these are copies:', () => {
  it('the bookmarks of commands', () => {
    const bookmarkOf = (frame: object): unknown => 'bookmark' in frame && frame.bookmark;
    expect(afterOverwriting(clientCommands(1n), command('startBookmark'), bookmarkOf)).toEqual(value);
    expect(afterOverwriting(clientCommands(1n), command('bookmark'), bookmarkOf)).toEqual(value);
    expect(afterOverwriting(sourceMessages(1n), addBookmark, bookmarkOf)).toEqual(value);
  });

  it('the tokens of Authenticate and OpenSource', () => {
    const authenticate = encodeCommand({ kind: 'authenticate', token: value }, 1n);
    expect(
      afterOverwriting(clientCommands(1n), authenticate, (frame) => 'token' in frame && frame.token),
    ).toEqual(value);
    expect(
      afterOverwriting(sourceMessages(1n), openSource, (frame) => 'token' in frame && frame.token),
    ).toEqual(value);
  });

  it('the text of a result', () => {
    const bytes = encodeResult(result(3));
    expect(afterOverwriting(serverPackets, bytes, (frame) => 'text' in frame && frame.text)).toBe(
      'Bad from entry',
    );
  });
});

describe('Of what is decoded, these are views of the chunk:', () => {
  const overwritten = hex('eeeeeeeeee');

  it('the data of AddStreamEntry and UpdateEntryData', () => {
    const dataOf = (frame: object): unknown => 'data' in frame && frame.data;
    expect(afterOverwriting(sourceMessages(1n), addEntry, dataOf)).toEqual(overwritten);
    expect(afterOverwriting(sourceMessages(1n), update, dataOf)).toEqual(overwritten);
  });

  it('the data of an answer', () => {
    const bytes = encodeEntry(entry, ANSWER_PACKET);
    const dataOf = (frame: object): unknown => 'entry' in frame && (frame.entry as { data: unknown }).data;
    expect(afterOverwriting(serverPackets, bytes, dataOf)).toEqual(overwritten);
  });

  it('a batch of entries, and the data of the entries in it', () => {
    const chunk = goldenFile.data.slice();
    const decoder = new FrameDecoder(serverPackets);
    decoder.push(chunk);
    const packet = decoder.next();
    if (packet?.kind !== 'entries') throw new Error('no batch');
    const { batch } = packet;
    expect(batch.bytes.buffer).toBe(chunk.buffer);
    for (const { data } of batch) expect(data.buffer).toBe(chunk.buffer);
  });
});

describe('A frame that was cut by the end of a chunk', () => {
  it('has a buffer of its own, which no later frame shares', () => {
    const decoder = new FrameDecoder(serverPackets);
    const [first, second] = [goldenFile.data.slice(0, 26), goldenFile.data.slice(26, 48)].map((bytes) => {
      const chunks = singleBytes(bytes);
      const packets = chunks.flatMap((chunk) => {
        decoder.push(chunk);
        return drain(decoder);
      });
      for (const chunk of chunks) chunk.fill(0xee);
      return packets.flatMap((packet) => (packet.kind === 'entries' ? [packet.batch.bytes] : []))[0];
    });
    expect(first).toEqual(goldenFile.data.slice(0, 26));
    expect(second).toEqual(goldenFile.data.slice(26, 48));
    expect(first?.buffer).not.toBe(second?.buffer);
  });
});

describe('Outside of a decoder', () => {
  it('a batch and the data of an entry are views of what they were made from', () => {
    const bytes = encodeEntry(entry);
    expect(entryBatch(bytes).bytes.buffer).toBe(bytes.buffer);
    expect(entryAt(bytes, 0).data.buffer).toBe(bytes.buffer);
  });

  it('what is encoded is a copy of what it was made from', () => {
    const data = value.slice();
    const encoded = [
      encodeEntry({ ...entry, data }),
      encodeCommand({ kind: 'bookmark', bookmark: data }, 1n),
    ];
    data.fill(0xee);
    for (const bytes of encoded) expect(bytes.subarray(-5)).toEqual(value);
  });
});
