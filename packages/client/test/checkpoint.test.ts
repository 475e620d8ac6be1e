// Goal: a position that was saved is there, whole, whatever happened since; what is no position is told.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { Random } from '@ds/test-kit';
import { goldenEntries, goldenHeader } from '../../codec/test/golden.js';
import { temporaryFolder } from '../../codec/test/support/temporary-folder.js';
import {
  bytesOf,
  commit,
  emptyStream,
  goldenStream,
  numbered,
  serve,
} from '../../server/test/support/stream.js';
import {
  FileCheckpoint,
  formatPosition,
  parsePosition,
  positionAfter,
  type StreamPosition,
} from '../src/index.js';
import { addressOf, client, collect, digits } from './support/follow.js';

const position = positionAfter(goldenHeader, bytesOf(goldenEntries.slice(1, 2)));

async function temporaryPath(): Promise<string> {
  return join(await temporaryFolder(), 'position');
}

describe('A position', () => {
  it('names the stream, the next entry, and the last one by its SHA-256', () => {
    expect(position).toEqual({
      systemId: 137n,
      streamType: 1n,
      nextEntry: 2n,
      lastEntry: '47688365d816b6b29d9304a286826679d72e744d600bd462d037d51dbf4c7c36',
    });
  });

  it('is the same once it was text', () => {
    const early: StreamPosition = { systemId: 2n ** 64n - 1n, streamType: 1n, nextEntry: 0n };
    for (const each of [position, early]) expect(parsePosition(formatPosition(each))).toEqual(each);
  });

  it.each([
    '',
    'null',
    '7',
    '{}',
    '{"systemId":1,"streamType":"1","nextEntry":"2"}',
    '{"systemId":"1","streamType":"1","nextEntry":"-2"}',
    '{"systemId":"1","streamType":"1","nextEntry":"18446744073709551616"}',
    '{"systemId":"1","streamType":"1","nextEntry":"2","lastEntry":"ab"}',
  ])('is not to be had from %s', (text) => {
    expect(() => parsePosition(text)).toThrow(expect.objectContaining({ code: 'bad-checkpoint' }));
  });
});

describe('A checkpoint in a file', () => {
  it('has nothing before something was saved, and then what was saved last', async () => {
    const path = await temporaryPath();
    expect(await new FileCheckpoint(path).load()).toBeUndefined();
    const checkpoint = new FileCheckpoint(path);
    await checkpoint.save({ ...position, nextEntry: 1n });
    await checkpoint.save(position);
    expect(await checkpoint.load()).toEqual(position);
    expect(await new FileCheckpoint(path).load()).toEqual(position);
  });

  it('saves one after the other, however fast they are asked for, and leaves nothing else behind', async () => {
    const path = await temporaryPath();
    const checkpoint = new FileCheckpoint(path);
    const saved = Array.from({ length: 50 }, (_none, at) =>
      checkpoint.save({ ...position, nextEntry: BigInt(at + 1) }),
    );
    await Promise.all(saved);
    expect((await checkpoint.load())?.nextEntry).toBe(50n);
    expect(await readdir(join(path, '..'))).toEqual(['position']);
  });

  it('is the old position or the new one at every moment', async () => {
    const path = await temporaryPath();
    const checkpoint = new FileCheckpoint(path);
    await checkpoint.save({ ...position, nextEntry: 1n });
    const state = { isSaving: true };
    const saves = (async () => {
      for (let next = 2n; next <= 60n; next++) await checkpoint.save({ ...position, nextEntry: next });
      state.isSaving = false;
    })();
    let last = 1n;
    while (state.isSaving) {
      const { nextEntry } = parsePosition(await readFile(path, 'utf8'));
      expect(nextEntry).toBeGreaterThanOrEqual(last);
      last = nextEntry;
    }
    await saves;
  });

  it('says which file is none', async () => {
    const path = await temporaryPath();
    await writeFile(path, 'something else');
    await expect(new FileCheckpoint(path).load()).rejects.toMatchObject({
      code: 'bad-checkpoint',
      message: expect.stringContaining(path) as string,
    });
  });

  it('that cannot be written is told, and written when it can be', async () => {
    const path = await temporaryPath();
    const checkpoint = new FileCheckpoint(join(path, 'missing', 'position'));
    await expect(checkpoint.save(position)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(checkpoint.load()).resolves.toBeUndefined();
  });
});

describe('A consumer that processes, then remembers', () => {
  it('has processed everything at least once, in order, however often it fails in between', async () => {
    const random = new Random();
    const file = await emptyStream();
    const all = numbered(
      0n,
      Array.from({ length: 300 }, () => ({ type: 1, data: random.bytes(random.integer(0, 50)) })),
    );
    await commit(file, all);
    const server = addressOf(await serve(file));
    const path = await temporaryPath();
    const processed: bigint[] = [];
    for (let failed = true; failed;) {
      failed = false;
      const checkpoint = new FileCheckpoint(path);
      const entries = client(server).follow({ from: (await checkpoint.load()) ?? 0n, until: 299n });
      for await (const { number } of entries) {
        processed.push(number);
        failed = random.chance(0.03);
        if (failed) break;
        if (random.chance(0.3) && entries.position) await checkpoint.save(entries.position);
      }
    }
    expect([...new Set(processed)]).toEqual(all.map(({ number }) => number));
    expect(processed.length).toBeGreaterThan(300);
    for (const [at, number] of processed.entries())
      expect(number).toBeLessThanOrEqual((processed[at - 1] ?? -1n) + 1n);
  });
});

describe('A stream that was changed under a position', () => {
  const stale = positionAfter(goldenHeader, bytesOf(goldenEntries.slice(2)));

  it('by another entry is another stream; by a cut, one that ends before', async () => {
    const file = await goldenStream();
    const server = addressOf(await serve(file));
    await file.truncateFile(2n);
    await expect(collect(client(server), { from: stale })).rejects.toMatchObject({
      code: 'beyond-end',
      totalEntries: 2n,
    });
    await commit(file, [{ type: 9, data: new Uint8Array(0) }]);
    await expect(collect(client(server), { from: stale })).rejects.toMatchObject({ code: 'wrong-stream' });
  });

  it('of another system is another stream', async () => {
    const server = addressOf(await serve(await goldenStream()));
    await expect(collect(client(server), { from: { ...stale, systemId: 138n } })).rejects.toMatchObject({
      code: 'wrong-stream',
    });
  });

  it('is gone on with where no last entry is given', async () => {
    const server = addressOf(await serve(await goldenStream()));
    const { systemId, streamType } = goldenHeader;
    const from = { systemId, streamType, nextEntry: 1n };
    expect(digits(await collect(client(server), { from, count: 2n }))).toEqual(
      digits(goldenEntries.slice(1)),
    );
  });
});
