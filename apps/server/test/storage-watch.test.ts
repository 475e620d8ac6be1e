/** Goal: storage that has failed is no secret. Method: a file that fails on command, and a clock of the test's own. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLogger } from '@ds/app-kit';
import { StreamFileError } from '@ds/stream-file';
import { watchStorage } from '../src/storage-watch.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const header = { systemId: 1n, streamType: 1n, version: 3, totalLength: 4096n, totalEntries: 7n };

function watched(): { lines: string[]; fail: () => void; unwatch: () => void } {
  const lines: string[] = [];
  const logger = createLogger('ds-server', 'info', { write: (line: string) => lines.push(line) });
  const file: { path: string; header: typeof header; failure: StreamFileError | undefined } = {
    path: '/data/stream.bin',
    header,
    failure: undefined,
  };
  const unwatch = watchStorage(file, logger);
  return { lines, fail: () => (file.failure = new StreamFileError('io', 'no spindle')), unwatch };
}

it('is logged within a second, once, with its reason and what is still served', () => {
  const { lines, fail } = watched();
  vi.advanceTimersByTime(5000);
  expect(lines).toEqual([]);
  fail();
  vi.advanceTimersByTime(1000);
  vi.advanceTimersByTime(10_000);
  expect(lines).toHaveLength(1);
  expect(JSON.parse(String(lines[0]))).toMatchObject({
    level: 'fatal',
    path: '/data/stream.bin',
    totalEntries: 7,
    err: { message: 'no spindle' },
  });
});

it('is not looked at any more once the server ends', () => {
  const { lines, fail, unwatch } = watched();
  unwatch();
  fail();
  vi.advanceTimersByTime(10_000);
  expect(lines).toEqual([]);
});
