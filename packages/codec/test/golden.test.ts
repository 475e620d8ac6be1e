// Goal: the bytes on the wire and in the file are those that other programs write and read. Every golden vector is
// taken in both directions: what is encoded has these bytes, and these bytes decode to it.
import { describe, expect, it } from 'vitest';
import {
  asciiText,
  clientCommands,
  decodeHeader,
  encodeCommand,
  encodeEntry,
  encodeHeader,
  encodeNotFound,
  encodeSourceMessage,
  entryBatch,
  serverPackets,
  sourceAnswers,
  sourceMessages,
} from '../src/index.js';
import {
  goldenEntries,
  goldenExchanges,
  goldenFile,
  goldenHeader,
  goldenSourceSession,
  goldenTokenExchanges,
  goldenTokenMessage,
  hex,
} from './golden.js';
import { concat, decode, encodeAnswer, encodePacket, unbatched } from './support/decoding.js';

describe('The file', () => {
  it('starts with its magic and the header entry', () => {
    expect(asciiText(goldenFile.start.subarray(0, 16))).toBe('polygonDATSTREAM');
    expect(encodeHeader(goldenHeader)).toEqual(goldenFile.start.subarray(16));
    expect(decodeHeader(goldenFile.start, 16)).toEqual(goldenHeader);
  });

  it('holds its entries back to back', () => {
    expect(concat(goldenEntries.map((entry) => encodeEntry(entry)))).toEqual(goldenFile.data);
    expect([...entryBatch(goldenFile.data)]).toEqual(goldenEntries);
  });

  it('is as long as its header says', () => {
    expect(4096n + BigInt(goldenFile.data.length)).toBe(goldenHeader.totalLength);
  });
});

describe.each([...goldenExchanges, ...goldenTokenExchanges])(
  'A client, $state: $name',
  ({ command, request, packets, answer }) => {
    if ('fault' in command) {
      it(`sends what is refused as ${command.fault}`, () => {
        expect(() => decode(clientCommands(1n), request)).toThrow(
          expect.objectContaining({ name: 'CodecError', code: command.fault }),
        );
      });
    } else {
      it('sends these bytes, which are this command', () => {
        expect(encodeCommand(command, 1n)).toEqual(request);
        expect(decode(clientCommands(1n), request)).toEqual([command]);
      });
    }

    it('is answered with these bytes, which are these packets', () => {
      expect(concat(packets.map(encodePacket))).toEqual(answer);
      expect(decode(serverPackets, answer).flatMap(unbatched)).toEqual(packets);
    });
  },
);

describe.each(goldenSourceSession)('A source: $name', ({ message, request, answers, answer }) => {
  it('sends these bytes, which are this message', () => {
    expect(encodeSourceMessage(message, 1n)).toEqual(request);
    expect(decode(sourceMessages(1n), request)).toEqual([message]);
  });

  it('is answered with these bytes', () => {
    expect(concat(answers.map(encodeAnswer))).toEqual(answer);
    expect(decode(sourceAnswers, answer)).toEqual(answers);
  });
});

describe('A message with a token', () => {
  const { message, streamType, bytes } = goldenTokenMessage;

  it('is these bytes, which are this message', () => {
    expect(encodeSourceMessage(message, streamType)).toEqual(bytes);
    expect(decode(sourceMessages(streamType), bytes)).toEqual([message]);
  });
});

describe('The answer that nothing was found', () => {
  it('is an entry of 17 bytes', () => {
    expect(encodeNotFound()).toEqual(hex('fe 00000011 ffffffff 0000000000000000'));
  });
});

describe('The tables', () => {
  it('have a message of every kind', () => {
    const kinds = new Set(goldenSourceSession.map(({ message }) => message.kind));
    expect([...kinds].sort()).toEqual([
      'addStreamBookmark',
      'addStreamEntry',
      'commitAtomicOp',
      'header',
      'openSource',
      'rollbackAtomicOp',
      'startAtomicOp',
      'truncateFile',
      'updateEntryData',
    ]);
  });
});
