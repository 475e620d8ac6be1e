// What a server has to answer to a source, said a second time: over the whole input at once, by offsets. All that the
// source asks for succeeds.

export interface ExpectedOfSource {
  /** Error number of each result, in order. */
  readonly codes: readonly number[];
  readonly state: 'new' | 'open' | 'operation' | 'closed';
  /** Length of the data of each entry and bookmark that is added. */
  readonly added: readonly number[];
  /** Bytes of a message that is not whole. */
  readonly rest: number;
}

export function expectedOfSource(input: Uint8Array): ExpectedOfSource {
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  const codes: number[] = [];
  const added: number[] = [];
  let state: ExpectedOfSource['state'] = 'new';
  let at = 0;
  const refuse = (code: number): ExpectedOfSource => {
    codes.push(code);
    return { codes, state: 'closed', added, rest: 0 };
  };
  for (;;) {
    const rest = input.length - at;
    if (rest < 16) return { codes, state, added, rest };
    const message = view.getBigUint64(at);
    if (view.getBigUint64(at + 8) !== 1n) return refuse(9);
    if (message < 256n || message > 264n) return refuse(9);
    const head = [44, 24, 24, 20, 16, 16, 24, 32, 16][Number(message - 256n)]!;
    if (rest < head) return { codes, state, added, rest };
    let length = 0;
    if (message === 256n && (length = view.getUint32(at + 40)) > 4096) return refuse(33);
    if (message === 258n && (length = view.getUint32(at + 20)) > 1_048_559) return refuse(56);
    if (message === 263n && (length = view.getUint32(at + 28)) > 1_048_559) return refuse(56);
    if (message === 259n && ((length = view.getUint32(at + 16)) < 1 || length > 16)) return refuse(57);
    if (rest < head + length) return { codes, state, added, rest };

    if (state === 'new') {
      if (message !== 256n) return refuse(52);
      state = 'open';
      codes.push(0);
    } else if (message === 256n) {
      return refuse(9);
    } else if (message === 257n || message === 262n || message === 263n) {
      if (state === 'operation') return refuse(55);
      if (message === 257n) state = 'operation';
      else codes.push(0);
    } else if (message === 264n) {
      codes.push(0);
    } else if (state !== 'operation') {
      return refuse(54);
    } else if (message === 258n || message === 259n) {
      added.push(length);
    } else {
      state = 'open';
      codes.push(0);
    }
    at += head + length;
  }
}
