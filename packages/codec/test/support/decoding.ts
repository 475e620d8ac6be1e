/** Feeding decoders, and comparing what comes out of them. */
import {
  encodeEntry,
  encodeHeader,
  encodeResult,
  ANSWER_PACKET,
  FrameDecoder,
  takeAdditions,
  type Grammar,
  type ServerPacket,
  type SourceAnswer,
  type SourceMessage,
  type SourceMessageRun,
} from '../../src/index.js';
import type { GoldenPacket } from '../golden.js';

/** Pushes one chunk after the other and takes all frames out in between, as a session does. */
export function decode<Frame>(grammar: Grammar<Frame>, ...chunks: readonly Uint8Array[]): Frame[] {
  const decoder = new FrameDecoder(grammar);
  return chunks.flatMap((chunk) => {
    decoder.push(chunk);
    return drain(decoder);
  });
}

/** All frames that a decoder can give without more bytes. */
export function drain<Frame>(decoder: FrameDecoder<Frame>): Frame[] {
  const frames: Frame[] = [];
  for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) frames.push(frame);
  return frames;
}

/** `bytes` cut in front of each of the offsets `cuts`; each chunk has a buffer of its own, as it may come from a socket. */
export function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const bounds = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
  return bounds.slice(1).map((end, i) => bytes.slice(bounds[i], end));
}

export function singleBytes(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** Packets with their batches taken apart: how entries come together in batches depends on the chunks. */
export function unbatched(packet: ServerPacket): GoldenPacket[] {
  if (packet.kind !== 'entries') return [packet];
  return Array.from(packet.batch, (entry) => ({ kind: 'entry', entry }));
}

/** Additions taken apart: how they come together in runs depends on the chunks. */
export function singleMessages(frame: SourceMessageRun): SourceMessage[] {
  if (frame.kind !== 'additions') return [frame];
  const messages: SourceMessage[] = [];
  takeAdditions(frame, {
    takeEntry(entryType, bytes, from, to) {
      messages.push({ kind: 'addStreamEntry', entryType, data: bytes.subarray(from, to) });
    },
    takeBookmark(bytes, from, to) {
      messages.push({ kind: 'addStreamBookmark', bookmark: bytes.subarray(from, to) });
    },
  });
  return messages;
}

export function encodePacket(packet: GoldenPacket): Uint8Array {
  switch (packet.kind) {
    case 'entry':
      return encodeEntry(packet.entry);
    case 'answer':
      return encodeEntry(packet.entry, ANSWER_PACKET);
    default:
      return encodeAnswer(packet);
  }
}

export function encodeAnswer(answer: SourceAnswer): Uint8Array {
  return answer.kind === 'result' ? encodeResult(answer) : encodeHeader(answer.header);
}
