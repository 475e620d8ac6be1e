/** Goal: whoever waits sees how far it is; nobody else is bothered. Method: a stream that says what it is. */

import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { FollowProgress } from '@ds/client';
import { CatchUpProgress, type ProgressOptions, type ProgressStream } from '../src/catch-up-progress.js';

function screen(isTTY: boolean): { stream: ProgressStream; drawn: () => string } {
  let drawn = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      drawn += chunk.toString();
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY, columns: 80 }), drawn: () => drawn };
}

/** What is written in one go: entries from one number up to, not including, another. */
type Written = readonly [from: bigint, to: bigint];

function progressAt([, nextEntry]: Written, totalEntries = 100n): FollowProgress {
  const rates = { entries: 0, bytes: 0, entriesPerSecond: 1234.5, bytesPerSecond: 5_600_000 };
  return { nextEntry, totalEntries, lag: totalEntries - nextEntry, ...rates };
}

function drawnFor(isTTY: boolean, options: Partial<ProgressOptions>, ...written: Written[]): string {
  const { stream, drawn } = screen(isTTY);
  const progress = new CatchUpProgress(stream, { sharesScreen: true, ...options });
  for (const each of written) {
    progress.makeRoom();
    progress.advance(each[0], progressAt(each));
  }
  progress.stop();
  return drawn();
}

describe('progress of a client that catches up', () => {
  it('is drawn on a terminal, and taken away', () => {
    const text = drawnFor(true, {}, [0n, 25n], [25n, 50n]);
    expect(text).toContain('25%  25 of 100 entries');
    expect(text).toContain('50%  50 of 100 entries');
    expect(text).toContain('1235/s  5.6 MB/s  50 behind');
    expect(text.lastIndexOf('\u001b[')).toBeGreaterThan(text.lastIndexOf('of 100 entries'));
  });

  it('is not drawn elsewhere', () => {
    expect(drawnFor(false, {}, [0n, 25n], [25n, 50n])).toBe('');
  });

  it('is not drawn for what comes in one go, nor for what is new', () => {
    expect(drawnFor(true, {}, [0n, 100n])).toBe('');
    expect(drawnFor(true, {}, [100n, 101n], [101n, 102n])).toBe('');
  });

  it('ends where the entries end that are wanted', () => {
    expect(drawnFor(true, { until: 39n }, [20n, 30n])).toContain('50%  10 of 20 entries');
    expect(drawnFor(true, { count: 40n }, [20n, 30n])).toContain('25%  10 of 40 entries');
  });

  it('goes by the end that was heard of last', () => {
    const { stream, drawn } = screen(true);
    const progress = new CatchUpProgress(stream, { sharesScreen: true });
    progress.advance(0n, progressAt([0n, 25n]));
    progress.advance(25n, progressAt([25n, 50n], 200n));
    progress.stop();
    expect(drawn()).toContain('25%  50 of 200 entries');
  });

  it('leaves room for entries on the same terminal, and the cursor where they end', () => {
    const { stream, drawn } = screen(true);
    const progress = new CatchUpProgress(stream, { sharesScreen: true });
    progress.makeRoom();
    expect(drawn()).toBe('');
    progress.advance(0n, progressAt([0n, 25n]));
    progress.makeRoom();
    expect(drawn().endsWith('\r\u001b[K')).toBe(true);
    progress.stop();
    const behind = drawn().slice(drawn().lastIndexOf('\u001b[K') + 3);
    expect(behind.startsWith('\r\u001b7')).toBe(true);
    expect(drawn()).not.toContain('\u001b[?7l');
  });
});
