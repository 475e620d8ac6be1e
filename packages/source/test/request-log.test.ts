// The log tells from a server's number of entries what it lacks. Held against a plain list of all requests.
import { describe, expect, it } from 'vitest';

import { effort, Random } from '@ds/test-kit';
import { RequestLog, type Request } from '../src/requests/request-log.js';

const nothing = (): void => undefined;

function request(entriesBefore: bigint, entriesAfter: bigint, length = 1): Request {
  const kind = entriesAfter < entriesBefore ? 'truncation' : 'operation';
  const bytes = new Uint8Array(length);
  return { kind, bytes, entriesBefore, entriesAfter, resolve: nothing, reject: nothing };
}

describe('A request log', () => {
  it('starts where the stream ends, and knows where it will end', () => {
    const log = new RequestLog(10n);
    expect(log).toMatchObject({ entries: 10n, first: 0, end: 0, bytes: 0 });
    log.push(request(10n, 13n, 5));
    log.push(request(13n, 4n, 7));
    expect(log).toMatchObject({ entries: 4n, first: 0, end: 2, bytes: 12 });
  });

  it('finds what a server lacks by the entries that it has, at operations’ ends only', () => {
    const log = new RequestLog(10n);
    log.push(request(10n, 13n));
    log.push(request(13n, 15n));
    expect(log.find(10n, 0, 2)).toBe(0);
    expect(log.find(13n, 0, 2)).toBe(1);
    expect(log.find(15n, 0, 2)).toBe(2);
    expect(log.find(14n, 0, 2)).toBeUndefined();
    expect(log.find(9n, 0, 2)).toBeUndefined();
  });

  it('finds nothing beyond what the server was sent: those entries are somebody else’s', () => {
    const log = new RequestLog(10n);
    log.push(request(10n, 13n));
    log.push(request(13n, 15n));
    expect(log.find(13n, 0, 0)).toBeUndefined();
    expect(log.find(15n, 0, 1)).toBeUndefined();
  });

  it('finds the place nearest to the expected one where a truncation makes two of them', () => {
    const log = new RequestLog(0n);
    log.push(request(0n, 5n));
    log.push(request(5n, 2n));
    log.push(request(2n, 5n));
    expect(log.find(5n, 1, 3)).toBe(1);
    expect(log.find(5n, 2, 3)).toBe(1);
    expect(log.find(5n, 3, 3)).toBe(3);
  });

  it('agrees with a plain list, whatever is added and forgotten', () => {
    const random = new Random();
    for (let round = 0; round < 50 * effort; round++) {
      const log = new RequestLog(0n);
      const all: Request[] = [];
      let first = 0;
      for (let step = 0; step < 40; step++) {
        if (random.chance(0.7)) {
          const before = all.at(-1)?.entriesAfter ?? 0n;
          const added = request(before, before + BigInt(random.integer(1, 3)), random.integer(1, 9));
          all.push(added);
          log.push(added);
        } else {
          const number = random.integer(0, all.length + 2);
          log.forgetBefore(number);
          first = Math.max(first, Math.min(number, all.length));
        }
        const kept = all.slice(first);
        expect(log).toMatchObject({ first, end: all.length });
        expect(log.bytes).toBe(kept.reduce((sum, { bytes }) => sum + bytes.length, 0));
        for (let number = 0; number < all.length; number++) {
          expect(log.at(number)).toBe(number < first ? undefined : all[number]);
        }
        for (let entries = 0n; entries <= log.entries; entries++) {
          const index = kept.findIndex(({ entriesBefore }) => entriesBefore === entries);
          const atEnd = entries === log.entries ? all.length : undefined;
          expect(log.find(entries, 0, all.length)).toBe(index < 0 ? atEnd : first + index);
        }
      }
    }
  });
});
