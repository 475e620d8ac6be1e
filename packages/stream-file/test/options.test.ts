// Goal: what makes no sense is refused before anything is made or locked, and one option that is undefined is one that is not
// given. Method: options and data as a program without types would give them.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { StreamFile, StreamFileReader, type StreamFileOptions } from '../src/index.js';

const create = { systemId: 137n, streamType: 1n, version: 3 };
const text = 'text' as unknown as Uint8Array;

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stream-file-options-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

async function newStream(options: StreamFileOptions = {}): Promise<StreamFile> {
  const file = await StreamFile.open(join(await temporaryFolder(), 'stream.bin'), { create, ...options });
  onTestFinished(() => file.close());
  return file;
}

describe('An option that makes no sense', () => {
  it.each<[string, object]>([
    ["durability is 'sometimes': expected 'always', 'interval', 'os'", { durability: 'sometimes' }],
    ['syncIntervalMs is NaN: expected 0 to 2147483647', { syncIntervalMs: Number.NaN }],
    ['windowBytes is -1: expected 0 to', { windowBytes: -1 }],
    ["cachePages is '32'", { cachePages: '32' }],
    ['verifyIntervalMs is -1: expected 0 to Infinity', { verifyIntervalMs: -1 }],
    ['create: version 300 is not a u8', { create: { ...create, version: 300 } }],
    ['create: 137 is not a bigint', { create: { ...create, systemId: 137 } }],
    ['create: -1 is not a u64', { create: { ...create, streamType: -1n } }],
  ])('is refused, and nothing is left behind: %s', async (message, options) => {
    const folder = await temporaryFolder();
    const opening = StreamFile.open(join(folder, 'stream.bin'), { create, ...options });
    await expect(opening).rejects.toMatchObject({ name: 'StreamFileError', code: 'bad-option' });
    await expect(opening).rejects.toThrow(message);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is refused by a reader, too', async () => {
    const { path } = await newStream();
    const opening = StreamFileReader.open(path, { cachePages: Number.NaN });
    await expect(opening).rejects.toMatchObject({ code: 'bad-option' });
  });
});

it('An option that is undefined is not given', async () => {
  const file = await newStream({ durability: undefined, cachePages: undefined, observer: undefined });
  expect(file.header.totalEntries).toBe(0n);
});

it('A file that is no stream is left alone, with nothing beside it', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'settings.json');
  await writeFile(path, '{}');
  for (const options of [{}, { create }]) {
    await expect(StreamFile.open(path, options)).rejects.toMatchObject({ code: 'not-a-stream-file' });
    expect(await readdir(folder)).toEqual(['settings.json']);
  }
});

it('Text for bytes is refused', async () => {
  const file = await newStream();
  file.startAtomicOp();
  expect(() => file.addStreamEntry(1, text)).toThrow('data is not a Uint8Array');
  expect(() => file.addStreamBookmark(text)).toThrow('key is not a Uint8Array');
  expect(() => file.getBookmark(text)).toThrow('key is not a Uint8Array');
  file.addStreamEntry(1, Uint8Array.of(1, 2, 3, 4));
  await file.commitAtomicOp();
  await expect(file.updateEntryData(0n, 1, text)).rejects.toMatchObject({ code: 'bad-entry' });
  expect((await file.getEntry(0n))?.data).toEqual(Uint8Array.of(1, 2, 3, 4));
});
