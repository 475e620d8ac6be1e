// What a server has to answer to a client, said a second time and as simply as it can be: over the whole input at once, by
// offsets, from the published protocol alone, to the byte.
import type { Transcript } from './transcript.js';

/** What is found of what is asked for, by rules that suit a test. */
export const finds = {
  start: (fromEntry: bigint): boolean => fromEntry <= 5n,
  entry: (number: bigint): boolean => number < 5n,
  /** The entry that cannot be read. */
  failsAt: 3n,
  bookmark: ({ length }: Uint8Array): boolean => length % 2 === 0,
  token: (token: Uint8Array): boolean => token.length > 2,
};

export interface Expected {
  readonly state: 'stopped' | 'streaming' | 'closed';
  /** Whether the input ends in the midst of a command. */
  readonly midCommand: boolean;
}

const texts: Readonly<Record<number, string>> = {
  0: 'OK',
  1: 'Already started',
  2: 'Already stopped',
  3: 'Bad from entry',
  4: 'Bad from bookmark',
  9: 'Invalid command',
  33: 'Unauthorized',
  36: 'Read failed',
};

const results = new Map(
  Object.entries(texts).map(([code, text]) => {
    const bytes = Buffer.alloc(9 + text.length);
    bytes.writeUInt8(0xff, 0);
    bytes.writeUInt32BE(bytes.length, 1);
    bytes.writeUInt32BE(Number(code), 5);
    bytes.write(text, 9, 'ascii');
    return [Number(code), bytes];
  }),
);
const OK = results.get(0)!;
const HEADER = Buffer.from(
  '01 00000026 01 0000000000000089 0000000000000001 0000000000001041 0000000000000003'.replaceAll(' ', ''),
  'hex',
);
const NOT_FOUND = Buffer.from('fe00000011ffffffff0000000000000000', 'hex');

/** An entry of type 1. */
function entry(packetType: number, number: bigint, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(17 + data.length);
  bytes.writeUInt8(packetType, 0);
  bytes.writeUInt32BE(bytes.length, 1);
  bytes.writeUInt32BE(1, 5);
  bytes.writeBigUInt64BE(number, 9);
  bytes.set(data, 17);
  return bytes;
}

/** What is found where a bookmark was asked for, and what a stream begins with: it tells what was asked. */
export function streamed(start: bigint | Uint8Array): Uint8Array {
  return typeof start === 'bigint' ? entry(2, start, new Uint8Array(0)) : entry(2, 4n, start);
}

const NO_DATA = new Uint8Array(0);

/** @param asksForToken whether a client has to show a token first */
export function expectedOfClient(input: Uint8Array, asksForToken: boolean, answers: Transcript): Expected {
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  let state: Expected['state'] = 'stopped';
  let isLocked = asksForToken;
  let at = 0;
  const refuse = (code: number): Expected => {
    answers.add(results.get(code)!);
    return { state: 'closed', midCommand: false };
  };
  for (;;) {
    const rest = input.length - at;
    const isCut = (): Expected => ({ state, midCommand: rest > 0 });
    if (rest < 16) return isCut();
    const command = view.getBigUint64(at);
    if (view.getBigUint64(at + 8) !== 1n) return refuse(9);
    let bytes: number;
    if (command === 2n || command === 3n) {
      bytes = 16;
    } else if (command === 1n || command === 5n) {
      bytes = 24;
    } else if (command === 4n || command === 6n || command === 514n) {
      if (rest < 20) return isCut();
      const length = view.getUint32(at + 16);
      if (command === 514n ? length > 4096 : length < 1 || length > 16)
        return refuse(command === 514n ? 33 : 9);
      bytes = 20 + length;
    } else {
      return refuse(9);
    }
    if (rest < bytes) return isCut();
    const number = bytes === 24 ? view.getBigUint64(at + 16) : 0n;
    const text = input.subarray(at + 20, at + bytes);
    at += bytes;
    if (isLocked && command !== 514n) return refuse(33);
    if (command === 2n) {
      if (state === 'stopped') return refuse(2);
      state = 'stopped';
      answers.add(OK);
    } else if (state === 'streaming') {
      return refuse(1);
    } else if (command === 3n) {
      answers.add(OK, HEADER);
    } else if (command === 5n) {
      if (number === finds.failsAt) return refuse(36);
      answers.add(OK, finds.entry(number) ? entry(0xfe, number, NO_DATA) : NOT_FOUND);
    } else if (command === 6n) {
      answers.add(OK, finds.bookmark(text) ? entry(0xfe, 4n, text) : NOT_FOUND);
    } else if (command === 514n) {
      if (!finds.token(text)) return refuse(33);
      isLocked = false;
      answers.add(OK);
    } else if (command === 1n ? finds.start(number) : finds.bookmark(text)) {
      state = 'streaming';
      answers.add(OK, streamed(command === 1n ? number : text));
    } else {
      answers.add(results.get(command === 1n ? 3 : 4)!);
    }
  }
}
