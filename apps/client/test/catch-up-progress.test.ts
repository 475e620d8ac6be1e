/** Goal: whoever waits sees how far it is; nobody else is bothered. Method: a stream that says what it is. */

import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { entryBatch, encodeEntry, type EntryBatch } from '@ds/codec';
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

function entries(from: number, to: number): EntryBatch {
  const numbers = Array.from({ length: to - from }, (_, index) => BigInt(from + index));
  const bytes = numbers.map((number) => encodeEntry({ type: 1, number, data: new Uint8Array(8) }));
  return entryBatch(Buffer.concat(bytes));
}

function drawnFor(isTTY: boolean, options: Partial<ProgressOptions>, ...batches: EntryBatch[]): string {
  const { stream, drawn } = screen(isTTY);
  const progress = new CatchUpProgress(stream, { sharesScreen: true, ...options });
  progress.streaming(100n);
  for (const batch of batches) {
    progress.makeRoom();
    progress.advance(batch);
  }
  progress.stop();
  return drawn();
}

describe('progress of a client that catches up', () => {
  it('is drawn on a terminal, and taken away', () => {
    const text = drawnFor(true, {}, entries(0, 25), entries(25, 50));
    expect(text).toContain('25%  25 of 100 entries');
    expect(text).toContain('50%  50 of 100 entries');
    expect(text).toMatch(/\d+\/s {2}\d+\.\d MB\/s/);
    expect(text.lastIndexOf('\u001b[')).toBeGreaterThan(text.lastIndexOf('of 100 entries'));
  });

  it('is not drawn elsewhere', () => {
    expect(drawnFor(false, {}, entries(0, 25), entries(25, 50))).toBe('');
  });

  it('is not drawn for what comes in one go, nor for what is new', () => {
    expect(drawnFor(true, {}, entries(0, 100))).toBe('');
    expect(drawnFor(true, {}, entries(100, 101), entries(101, 102))).toBe('');
  });

  it('ends where the entries end that are wanted', () => {
    expect(drawnFor(true, { until: 39n }, entries(20, 30))).toContain('50%  10 of 20 entries');
    expect(drawnFor(true, { count: 40n }, entries(20, 30))).toContain('25%  10 of 40 entries');
  });

  it('leaves room for entries on the same terminal, and the cursor where they end', () => {
    const { stream, drawn } = screen(true);
    const progress = new CatchUpProgress(stream, { sharesScreen: true });
    progress.streaming(100n);
    progress.makeRoom();
    expect(drawn()).toBe('');
    progress.advance(entries(0, 25));
    progress.makeRoom();
    expect(drawn().endsWith('\r\u001b[K')).toBe(true);
    progress.stop();
    const behind = drawn().slice(drawn().lastIndexOf('\u001b[K') + 3);
    expect(behind.startsWith('\r\u001b7')).toBe(true);
    expect(drawn()).not.toContain('\u001b[?7l');
  });
});
