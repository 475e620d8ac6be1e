// On a terminal `ds-source` shows how far it is, in one line; in a pipe it shows nothing of that.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '@ds/app-kit/testing';
import { showProgress } from '../src/progress.js';
import { runSource, startServer } from './support/programs.js';

const CLEAR_LINE = '\u001b[K';

describe('On a terminal', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('one line is written over and over, and stays at the end', () => {
    const drawn: string[] = [];
    const feed = { operations: 0, entries: 0n };
    const end = showProgress(feed, { isTTY: true, write: (text) => drawn.push(text) });
    Object.assign(feed, { operations: 1_500, entries: 12_000n });
    vi.advanceTimersByTime(400);
    end();
    vi.advanceTimersByTime(1_000);
    expect(drawn).toHaveLength(3);
    for (const text of drawn) expect(text).toContain(`${CLEAR_LINE}1,500 operations, 12,000 entries, `);
    expect(drawn.map((text) => text.at(-1))).toEqual(['\r', '\r', '\n']);
  });

  it.each([false, undefined])('and nowhere else: isTTY is %s', (isTTY) => {
    const drawn: string[] = [];
    const stream = { ...(isTTY !== undefined && { isTTY }), write: (text: string) => drawn.push(text) };
    const end = showProgress({ operations: 1, entries: 1n }, stream);
    vi.advanceTimersByTime(1_000);
    end();
    expect(drawn).toEqual([]);
  });
});

describe('In a pipe', () => {
  it('ds-source writes its log and its summary, and no progress', async () => {
    await using folder = await temporaryFolder();
    await using server = await startServer(folder);
    const lines = '{"entries":[{"type":1,"data":"0x01"}]}\n'.repeat(2_000);
    const args = ['--server', server.source, '--ops', '-', '--log-level', 'info'];
    const { status, out, err } = await runSource(args, lines);
    expect(status).toBe(0);
    expect(out.trim().split('\n')).toHaveLength(1);
    // Lines of JSON all of them, and nothing that is for a terminal.
    const log = err.trim().split('\n');
    expect(log.length).toBeGreaterThan(0);
    for (const line of log) expect(JSON.parse(line)).toHaveProperty('level');
    for (const mark of ['\r', CLEAR_LINE]) expect(`${out}${err}`).not.toContain(mark);
  });
});
