// Goal: the stream as a worker has it. It is never behind what its main process has, for whoever asks; and from `hold` to
// `resume` nothing of the file is read, whatever is asked for.
import { describe, expect, it, onTestFinished } from 'vitest';
import { StreamFileReader, type Extent, type StreamFile } from '@ds/stream-file';

import type { Answer } from '../src/workers/messages.js';
import { WorkerStream } from '../src/workers/worker-stream.js';
import { bytesOf, commit, goldenStream, numbered } from './support/stream.js';

const data = Uint8Array.of(1, 2, 3);

function extentOf({ committedLength, header }: StreamFile): Extent {
  return { length: committedLength, entries: Number(header.totalEntries) };
}

/** A worker's stream, whose main process says how far it is when it is asked, and only then. */
async function workerStream(): Promise<{ file: StreamFile; stream: WorkerStream }> {
  const file = await goldenStream();
  const reader = await StreamFileReader.open(file.path);
  onTestFinished(() => reader.close());
  const stream = new WorkerStream(reader, extentOf(file), {
    ask: async (bookmark): Promise<Answer> => {
      await new Promise(setImmediate);
      stream.follow(extentOf(file));
      const entry = bookmark && file.getBookmark(bookmark);
      return entry === undefined ? {} : { entry: Number(entry) };
    },
  });
  return { file, stream };
}

const key = Buffer.from('new');

describe('What was committed since a worker was last told', () => {
  it.each<[string, (stream: WorkerStream) => unknown, (file: StreamFile) => unknown]>([
    ['the header', (stream) => stream.header, (file) => file.header],
    ['an entry', (stream) => stream.getEntryBytes(4n), (file) => file.getEntryBytes(4n)],
    ['where an entry stands', (stream) => stream.offsetOf(4n), (file) => file.offsetOf(4n)],
    ['where the next entry will', (stream) => stream.offsetOf(5n), (file) => file.committedLength],
    ['where a bookmark points', (stream) => stream.getBookmark(key), () => 3n],
    [
      'what follows a bookmark',
      (stream) => stream.getFirstEventBytesAfterBookmark(key),
      (file) => file.getEntryBytes(4n),
    ],
  ])('is known when it is asked for: %s', async (_what, ask, expected) => {
    const { file, stream } = await workerStream();
    await commit(file, [
      { type: 0xb0, data: key },
      { type: 1, data },
    ]);
    expect(stream.committedLength).toBeLessThan(file.committedLength);
    expect(await ask(stream)).toEqual(await expected(file));
  });

  it('is not there if it is not there in the main process', async () => {
    const { stream } = await workerStream();
    expect(await stream.getEntryBytes(3n)).toBeUndefined();
    expect(await stream.offsetOf(4n)).toBeUndefined();
    expect(await stream.getBookmark(key)).toBeUndefined();
    expect(await stream.getFirstEventBytesAfterBookmark(key)).toBeUndefined();
  });
});

describe('A worker that is to stand still', () => {
  it('has read what it was reading, and reads nothing until it may', async () => {
    const { file, stream } = await workerStream();
    const reading = Promise.resolve(stream.borrow(4096, 1 << 20));
    await stream.hold();
    expect(await Promise.race([reading, Promise.resolve('not read yet')])).toMatchObject({ entries: 3 });

    const settled: string[] = [];
    const asked = Promise.all(
      Object.entries({
        borrow: stream.borrow(4096, 1 << 20),
        getEntryBytes: stream.getEntryBytes(1n),
        offsetOf: stream.offsetOf(1n),
        header: stream.header,
      }).map(async ([name, answer]) => {
        const found = await answer;
        settled.push(name);
        return found;
      }),
    );
    await file.updateEntryData(1n, 1, Uint8Array.of(5, 4, 3, 2, 1));
    await file.truncateFile(2n);
    // What it is told meanwhile is of a stream that it does not know yet.
    stream.follow(extentOf(file));
    expect(stream.committedLength).toBeGreaterThan(file.committedLength);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(settled).toEqual([]);

    await stream.resume(extentOf(file));
    const [loan, bytes, offset, header] = await asked;
    const updated = bytesOf(numbered(1n, [{ type: 1, data: Uint8Array.of(5, 4, 3, 2, 1) }]));
    expect(loan).toMatchObject({ entries: 2, nextOffset: file.committedLength });
    expect(Buffer.from(bytes as Uint8Array)).toEqual(updated);
    expect(offset).toBe(4096 + 26);
    expect(header).toEqual(file.header);
  });
});
