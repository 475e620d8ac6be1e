// The source's side of the conversation without I/O: answers come in any pieces, outcomes go out in order, and
// whatever a server sends, the session either understands it or says that it breaks the protocol.
import { describe, expect, it } from 'vitest';
import { encodeHeader, encodeResult, result, ResultCode } from '@ds/codec';

import { Random } from '@ds/test-kit';
import { SourceError } from '../src/index.js';
import { SourceSession, type Outcome } from '../src/servers/source-session.js';
import { okAnswer, refusal } from './support/scripted-server.js';
import { identity } from './support/test-server.js';

/** What a session makes of chunks. */
function outcomesOf(chunks: Iterable<Uint8Array>): Outcome[] {
  const session = new SourceSession();
  const outcomes: Outcome[] = [];
  for (const chunk of chunks) {
    session.receive(chunk);
    for (let outcome = session.next(); outcome; outcome = session.next()) outcomes.push(outcome);
  }
  return outcomes;
}

function errorOf(...chunks: Uint8Array[]): unknown {
  try {
    return outcomesOf(chunks);
  } catch (error) {
    return error;
  }
}

const conversation = Buffer.concat([
  okAnswer(0n),
  okAnswer(7n),
  refusal(ResultCode.updateMismatch),
  okAnswer(2n ** 63n, 2n ** 64n - 1n),
  refusal(ResultCode.epochFenced, 'Another one writes'),
]);

describe('Outcomes of a conversation', () => {
  const expected = [
    { kind: 'ok', header: { ...identity, totalEntries: 0n } },
    { kind: 'ok', header: { totalEntries: 7n } },
    { kind: 'refused', result: { code: ResultCode.updateMismatch } },
    { kind: 'ok', header: { totalEntries: 2n ** 63n } },
    { kind: 'refused', result: { code: ResultCode.epochFenced, text: 'Another one writes' } },
  ];

  it('come in order when the bytes come whole', () => {
    expect(outcomesOf([conversation])).toMatchObject(expected);
  });

  it('are the same when the bytes come one by one', () => {
    expect(outcomesOf(Array.from(conversation, (byte) => Uint8Array.of(byte)))).toMatchObject(expected);
  });

  it('are the same when the bytes come in random chunks', () => {
    const random = new Random();
    for (let round = 0; round < 100; round++) {
      expect(outcomesOf(random.chunks(conversation, 60))).toMatchObject(expected);
    }
  });

  it('wait for the header that follows an OK', () => {
    expect(outcomesOf([encodeResult(result(ResultCode.ok))])).toEqual([]);
  });
});

describe('What breaks the protocol', () => {
  const ok = encodeResult(result(ResultCode.ok));
  const header = encodeHeader({ ...identity, totalEntries: 1n, totalLength: 4096n });

  it.each([
    ['a header that no OK announced', [header]],
    ['an OK after an OK', [ok, ok]],
    ['a refusal where the header of an OK is due', [ok, refusal(ResultCode.diskFull)]],
    ['a byte that starts no answer', [Uint8Array.of(0x02)]],
    ['a result of 4 GiB, before it is held', [Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)]],
  ])('is %s', (_what, chunks) => {
    const error = errorOf(...chunks);
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ code: 'protocol' });
  });

  it('is told from what is understood, whichever bit is flipped', () => {
    let refused = 0;
    for (let bit = 0; bit < conversation.length * 8; bit++) {
      const flipped = Uint8Array.from(conversation);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const outcome = errorOf(flipped);
      if (Array.isArray(outcome)) continue;
      expect(outcome).toMatchObject({ name: 'SourceError', code: 'protocol' });
      refused++;
    }
    expect(refused).toBeGreaterThan(50);
  });
});
