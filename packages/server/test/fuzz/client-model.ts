// What a server has to answer to a client, said a second time and as simply as it can be: over the whole input at once, by
// offsets, from the published protocol alone.

/** Whether an answer to a query finds something, by rules that suit a test. */
export const finds = {
  start: (fromEntry: bigint): boolean => fromEntry <= 5n,
  entry: (number: bigint): boolean => number < 5n,
  bookmark: (length: number): boolean => length % 2 === 0,
};

export interface Expected {
  /** Error number of each result, in order. */
  readonly codes: readonly number[];
  readonly state: 'stopped' | 'streaming' | 'closed';
  /** Bytes of a command that is not whole. */
  readonly rest: number;
}

export function expectedOfClient(input: Uint8Array): Expected {
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  const codes: number[] = [];
  let state: Expected['state'] = 'stopped';
  let at = 0;
  const refuse = (code: number): Expected => {
    codes.push(code);
    return { codes, state: 'closed', rest: 0 };
  };
  for (;;) {
    const rest = input.length - at;
    if (rest < 16) return { codes, state, rest };
    const command = view.getBigUint64(at);
    if (view.getBigUint64(at + 8) !== 1n) return refuse(9);
    let bytes: number;
    if (command === 2n || command === 3n) {
      bytes = 16;
    } else if (command === 1n || command === 5n) {
      bytes = 24;
    } else if (command === 4n || command === 6n || command === 514n) {
      if (rest < 20) return { codes, state, rest };
      const length = view.getUint32(at + 16);
      if (command === 514n ? length > 4096 : length < 1 || length > 16)
        return refuse(command === 514n ? 33 : 9);
      bytes = 20 + length;
    } else {
      return refuse(9);
    }
    if (rest < bytes) return { codes, state, rest };
    if (command === 2n) {
      if (state === 'stopped') return refuse(2);
      state = 'stopped';
      codes.push(0);
    } else if (state === 'streaming') {
      return refuse(1);
    } else if (command === 1n) {
      const found = finds.start(view.getBigUint64(at + 16));
      codes.push(found ? 0 : 3);
      if (found) state = 'streaming';
    } else if (command === 4n) {
      const found = finds.bookmark(bytes - 20);
      codes.push(found ? 0 : 4);
      if (found) state = 'streaming';
    } else {
      codes.push(0);
    }
    at += bytes;
  }
}
