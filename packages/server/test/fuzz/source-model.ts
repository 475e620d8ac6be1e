// What a server has to do and to answer for a source, said a second time: over the whole input at once, by offsets.
import type { Transcript } from './transcript.js';

/** What is done of what is asked for, by rules that suit a test. */
export const does = {
  /** Number of the entry that nothing can be cut off at. */
  truncationFailsAt: 4n,
  /** The error number of that. */
  truncationFailure: 59,
  token: (token: Uint8Array): boolean => token.length > 1,
};

export interface ExpectedOfSource {
  readonly state: 'new' | 'open' | 'operation' | 'closed';
  /** What is asked of the stream: of each message its number, then its parameters. */
  readonly asked: readonly number[];
}

/** The answer to the nth message that is answered with OK: each carries a header of its own. */
export function okAnswer(nth: number): Uint8Array {
  return okAnswers[nth % okAnswers.length]!;
}

const okAnswers = Array.from({ length: 256 }, (_none, nth) => {
  const head = 'ff0000000b000000004f4b 01 00000026 01 0000000000000089 0000000000000001 0000000000001041';
  return Buffer.from(`${head} ${nth.toString(16).padStart(16, '0')}`.replaceAll(' ', ''), 'hex');
});

/** A result as far as its number: the text of an error may say more than the table of errors. */
export function failure(code: number): Uint8Array {
  return Uint8Array.of(0xff, 0, 0, 0, code);
}

/** What is kept of the bytes that a message carries. */
export function* tellOf(bytes: Uint8Array, from: number, to: number): Generator<number> {
  yield to - from;
  for (let at = from; at < to; at++) yield bytes[at]!;
}

/** @param answers takes the answers, errors as `failure` has them */
export function expectedOfSource(input: Uint8Array, answers: Transcript): ExpectedOfSource {
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  const asked: number[] = [];
  let state: ExpectedOfSource['state'] = 'new';
  let answered = 0;
  let at = 0;
  const refuse = (code: number): ExpectedOfSource => {
    answers.add(failure(code));
    return { state: 'closed', asked };
  };
  for (;;) {
    const rest = input.length - at;
    if (rest < 16) return { state, asked };
    const message = view.getBigUint64(at);
    if (view.getBigUint64(at + 8) !== 1n) return refuse(9);
    if (message < 256n || message > 264n) return refuse(9);
    const head = [44, 24, 24, 20, 16, 16, 24, 32, 16][Number(message - 256n)]!;
    if (rest < head) return { state, asked };
    let length = 0;
    if (message === 256n && (length = view.getUint32(at + 40)) > 4096) return refuse(33);
    if (message === 258n && (length = view.getUint32(at + 20)) > 1_048_559) return refuse(56);
    if (message === 263n && (length = view.getUint32(at + 28)) > 1_048_559) return refuse(56);
    if (message === 259n && ((length = view.getUint32(at + 16)) < 1 || length > 16)) return refuse(57);
    if (rest < head + length) return { state, asked };

    const ok = (): void => {
      answers.add(okAnswer(answered++));
    };
    const u64 = (offset: number): number => Number(view.getBigUint64(at + offset));
    const data = tellOf(input, at + head, at + head + length);
    if (state === 'new') {
      if (message !== 256n) return refuse(52);
      asked.push(256, u64(16), u64(24), u64(32), ...data);
      if (!does.token(input.subarray(at + head, at + head + length))) return refuse(33);
      state = 'open';
      ok();
    } else if (message === 256n) {
      return refuse(9);
    } else if (message === 257n || message === 262n || message === 263n) {
      if (state === 'operation') return refuse(55);
      asked.push(Number(message), u64(16));
      if (message === 263n) asked.push(view.getUint32(at + 24), ...data);
      if (message === 257n) {
        state = 'operation';
      } else if (message === 262n && view.getBigUint64(at + 16) === does.truncationFailsAt) {
        answers.add(failure(does.truncationFailure));
        answered++;
      } else {
        ok();
      }
    } else if (message === 264n) {
      asked.push(264);
      ok();
    } else if (state !== 'operation') {
      return refuse(54);
    } else if (message === 258n) {
      asked.push(258, view.getUint32(at + 16), ...data);
    } else if (message === 259n) {
      asked.push(259, ...data);
    } else {
      asked.push(Number(message));
      state = 'open';
      ok();
    }
    at += head + length;
  }
}
