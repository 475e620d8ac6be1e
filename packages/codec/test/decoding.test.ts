// Goal: how bytes are cut into chunks does not matter, and no bytes whatsoever do harm. Each decoder is fed random
// frames whole, byte by byte and in random chunks, and must give the same frames; then the same with bits flipped, where
// it gives frames that can be encoded again, or a CodecError. DS_TEST_LONG=1 runs many more of the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clientCommands,
  CodecError,
  encodeCommand,
  encodeSourceMessage,
  FrameDecoder,
  serverPackets,
  sourceAnswers,
  sourceMessageRuns,
  sourceMessages,
  type Grammar,
} from '../src/index.js';
import {
  concat,
  cut,
  decode,
  drain,
  encodeAnswer,
  encodePacket,
  singleBytes,
  singleMessages,
  unbatched,
} from './support/decoding.js';
import { command, packets, sourceAnswer, sourceMessage } from './support/frames.js';

const factor = process.env['DS_TEST_LONG'] === '1' ? 40 : 1;
const wholeRuns = { seed: 2, numRuns: 1_500 * factor };
const brokenRuns = { seed: 3, numRuns: 2_500 * factor };

/** One direction of one protocol. `Frame` is what its decoder gives, `Flat` what does not depend on chunks. */
interface Dialect<Frame, Flat> {
  readonly grammar: Grammar<Frame>;
  readonly flatten: (frame: Frame) => Flat[];
  readonly encode: (frame: Flat) => Uint8Array;
  readonly frames: fc.Arbitrary<Flat[]>;
  /** The longest frame, and so the most that is kept of one that is not complete. */
  readonly frameBytesMax: number;
}

const some = <Flat>(frame: fc.Arbitrary<Flat>): fc.Arbitrary<Flat[]> =>
  fc.array(frame, { minLength: 1, maxLength: 8 });
const cuts = fc.array(fc.nat(600), { maxLength: 12 });
const flips = fc.array(fc.nat(4_000), { minLength: 1, maxLength: 3 });

const STREAM_TYPE = 1n;
const commands = {
  grammar: clientCommands(STREAM_TYPE),
  flatten: <Frame>(frame: Frame) => [frame],
  encode: (frame: Parameters<typeof encodeCommand>[0]) => encodeCommand(frame, STREAM_TYPE),
  frames: some(command),
  frameBytesMax: 20 + 4096,
};
const messages = {
  grammar: sourceMessages(STREAM_TYPE),
  flatten: <Frame>(frame: Frame) => [frame],
  encode: (frame: Parameters<typeof encodeSourceMessage>[0]) => encodeSourceMessage(frame, STREAM_TYPE),
  frames: some(sourceMessage),
  frameBytesMax: 32 + 1_048_559,
};
const messageRuns = {
  grammar: sourceMessageRuns(STREAM_TYPE),
  flatten: singleMessages,
  encode: (frame: Parameters<typeof encodeSourceMessage>[0]) => encodeSourceMessage(frame, STREAM_TYPE),
  frames: some(sourceMessage),
  frameBytesMax: 32 + 1_048_559,
};
const toClients = {
  grammar: serverPackets,
  flatten: unbatched,
  encode: encodePacket,
  frames: packets,
  frameBytesMax: 1 << 20,
};
const toSources = {
  grammar: sourceAnswers,
  flatten: <Frame>(frame: Frame) => [frame],
  encode: encodeAnswer,
  frames: some(sourceAnswer),
  frameBytesMax: 9 + 4096,
};

function specify<Frame, Flat>(name: string, dialect: Dialect<Frame, Flat>): void {
  const { grammar, flatten, encode, frames, frameBytesMax } = dialect;

  /** Feeds chunks until the first CodecError; nothing is lost on the way, and nothing heaped up. */
  function feedAnything(chunks: readonly Uint8Array[]): Flat[] {
    const decoder = new FrameDecoder(grammar);
    const decoded: Flat[] = [];
    let pushedBytes = 0;
    let frameBytes = 0;
    let lostBytes = 0;
    let bufferedBytesMax = 0;
    try {
      for (const chunk of chunks) {
        decoder.push(chunk);
        pushedBytes += chunk.length;
        for (const flat of drain(decoder).flatMap(flatten)) {
          decoded.push(flat);
          frameBytes += encode(flat).length;
        }
        lostBytes += Math.abs(pushedBytes - frameBytes - decoder.bufferedBytes);
        bufferedBytesMax = Math.max(bufferedBytesMax, decoder.bufferedBytes);
      }
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
    }
    expect(lostBytes).toBe(0);
    expect(bufferedBytesMax).toBeLessThan(frameBytesMax);
    return decoded;
  }

  describe(name, () => {
    it('are the same whole, byte by byte and in random chunks', () => {
      fc.assert(
        fc.property(frames, cuts, (sent, at) => {
          const bytes = concat(sent.map(encode));
          const offsets = at.filter((offset) => offset < bytes.length);
          for (const chunks of [[bytes], singleBytes(bytes), cut(bytes, offsets)]) {
            expect(decode(grammar, ...chunks).flatMap(flatten)).toEqual(sent);
          }
        }),
        wholeRuns,
      );
    });

    it('are the same when chunks are pushed faster than frames are taken', () => {
      fc.assert(
        fc.property(frames, cuts, (sent, at) => {
          const bytes = concat(sent.map(encode));
          const decoder = new FrameDecoder(grammar);
          const taken: Flat[] = [];
          for (const chunk of cut(
            bytes,
            at.filter((offset) => offset < bytes.length),
          )) {
            decoder.push(chunk);
            const frame = decoder.next();
            if (frame !== undefined) taken.push(...flatten(frame));
          }
          expect([...taken, ...drain(decoder).flatMap(flatten)]).toEqual(sent);
          expect(decoder.bufferedBytes).toBe(0);
        }),
        wholeRuns,
      );
    });

    it('with bits flipped are refused with a CodecError, or are other frames', () => {
      fc.assert(
        fc.property(frames, cuts, flips, (sent, at, bits) => {
          const bytes = concat(sent.map(encode));
          for (const bit of bits) bytes[(bit >> 3) % bytes.length]! ^= 1 << (bit & 7);
          const offsets = at.filter((offset) => offset < bytes.length);
          for (const chunks of [[bytes], singleBytes(bytes), cut(bytes, offsets)]) {
            const decoded = feedAnything(chunks);
            const again = decoded.flatMap((flat) => decode(grammar, encode(flat)).flatMap(flatten));
            expect(again).toEqual(decoded);
          }
        }),
        brokenRuns,
      );
    });

    it('of random bytes are refused with a CodecError, or are some frames', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), cuts, (noise, at) => {
          feedAnything([noise]);
          feedAnything(
            cut(
              noise,
              at.filter((offset) => offset < noise.length),
            ),
          );
        }),
        brokenRuns,
      );
    });

    it('cut off anywhere are no frame yet, and no error', () => {
      fc.assert(
        fc.property(frames, (sent) => {
          const last = encode(sent.at(-1)!);
          for (let length = 0; length < last.length; length++) {
            const decoder = new FrameDecoder(grammar);
            decoder.push(last.slice(0, length));
            expect(decoder.next()).toBeUndefined();
            expect(decoder.bufferedBytes).toBe(length);
          }
        }),
        { ...wholeRuns, numRuns: 100 * factor },
      );
    });
  });
}

specify('Client commands', commands);
specify('Source messages', messages);
specify('Runs of messages of a source', messageRuns);
specify('Server packets', toClients);
specify('Answers to sources', toSources);
