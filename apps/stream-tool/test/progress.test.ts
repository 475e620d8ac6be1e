/** Goal: a person at a terminal sees how far it is; a file or a pipe gets nothing of that. */

import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { withProgress } from '../src/progress.js';

function screen(isTTY: boolean): NodeJS.WriteStream {
  const noop = (): boolean => true;
  const terminal = { isTTY, columns: 80, cursorTo: noop, clearLine: noop, moveCursor: noop };
  return Object.assign(new PassThrough(), terminal) as unknown as NodeJS.WriteStream;
}

async function drawnOn(stream: NodeJS.WriteStream): Promise<string> {
  const answer = await withProgress(
    'verifying',
    (advance) => {
      advance(1, 4);
      advance(3, 4);
      return Promise.resolve('done');
    },
    stream,
  );
  expect(answer).toBe('done');
  return String((stream as unknown as PassThrough).read() ?? '');
}

it('draws on a terminal only', async () => {
  expect(await drawnOn(screen(true))).toContain('verifying');
  expect(await drawnOn(screen(false))).toBe('');
});

it('takes the bar away when the work fails', async () => {
  const stream = screen(true);
  const work = withProgress(
    'verifying',
    (advance) => {
      advance(1, 4);
      return Promise.reject(new Error('enough'));
    },
    stream,
  );
  await expect(work).rejects.toThrow('enough');
});
