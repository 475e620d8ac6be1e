// Goal: what is committed while clients are told waits and goes out together; and nobody waits longer than that.
import { expect, it } from 'vitest';

import { StreamTail } from '../src/clients/stream-tail.js';

function tailOf(told: number[]): {
  commit: (bytes: number) => void;
  tail: StreamTail;
  file: { committedLength: number };
} {
  const file = { committedLength: 4096 };
  const tail = new StreamTail(file, () => told.push(tail.announced));
  const commit = (bytes: number): void => {
    file.committedLength += bytes;
    tail.committed();
  };
  return { commit, tail, file };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('The first commit is announced at once, those behind it together', async () => {
  const told: number[] = [];
  const { commit } = tailOf(told);
  commit(1);
  expect(told).toEqual([4097]);
  commit(10);
  commit(100);
  expect(told).toEqual([4097]);
  await turn();
  expect(told).toEqual([4097, 4207]);
  commit(1000);
  await turn();
  await turn();
  expect(told).toEqual([4097, 4207, 5207]);
  commit(1);
  expect(told).toEqual([4097, 4207, 5207, 5208]);
});

it('Nothing is announced that was cut off', () => {
  const told: number[] = [];
  const { commit, tail, file } = tailOf(told);
  commit(100);
  file.committedLength = 4100;
  tail.truncated(4100);
  expect(tail.announced).toBe(4100);
});

it('Once it is closed, nobody is told', async () => {
  const told: number[] = [];
  const { commit, tail } = tailOf(told);
  commit(1);
  commit(1);
  tail.close();
  await turn();
  expect(told).toEqual([4097]);
});
