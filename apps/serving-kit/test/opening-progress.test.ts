/** Goal: an operator sees how far a long opening has come, in a few lines. */

import { expect, it } from 'vitest';
import { createLogger } from '@ds/app-kit';
import { openingProgress } from '../src/opening-progress.js';

it('logs each step as it begins, and then every two seconds', () => {
  const lines: string[] = [];
  const write = (line: string): void => {
    const { msg, percent } = JSON.parse(line) as { msg: string; percent: number };
    lines.push(`${msg} ${percent} %`);
  };
  let nowMs = 0;
  const progress = openingProgress(createLogger('ds-server', 'info', { write }), () => nowMs);
  for (let done = 0; done <= 50; done++, nowMs += 100) progress('check', done, 50);
  progress('index', 0, 0);
  expect(lines).toEqual([
    'checking the stream file 0 %',
    'checking the stream file 40 %',
    'checking the stream file 80 %',
    'indexing bookmarks 100 %',
  ]);
});
