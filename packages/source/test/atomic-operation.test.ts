// An operation is a thing of its own: it is built in memory, committed or rolled back once, and gets its numbers when it is
// committed. What no stream can hold is refused without harm to the rest.
import { describe, expect, it, onTestFinished } from 'vitest';
import { ENTRY_DATA_BYTES_MAX } from '@ds/codec';

import { commit, filled, numbered, openSource, send, sleep } from './support/operations.js';
import { Proxy } from './support/proxy.js';
import { TestServer } from './support/test-server.js';

describe('An operation', () => {
  it('is in the stream once it is committed, bookmarks and entries in their order', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    const operation = await source.startAtomicOp();
    operation.addBookmark(Uint8Array.of(7));
    operation.addEntry(1, Uint8Array.of(1, 2, 3));
    operation.addEntry(2, new Uint8Array(0));
    expect(operation.entryCount).toBe(3);
    expect(await operation.commit()).toEqual({ firstEntry: 0n, nextEntry: 3n });
    expect(await server.entries()).toEqual(
      numbered([
        { type: 0xb0, data: Uint8Array.of(7) },
        { type: 1, data: Uint8Array.of(1, 2, 3) },
        { type: 2, data: new Uint8Array(0) },
      ]),
    );
  });

  it('that is rolled back leaves no trace', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    const operation = await source.startAtomicOp();
    operation.addEntry(1, Uint8Array.of(1));
    operation.rollback();
    operation.rollback();
    expect(source.nextEntry).toBe(0n);
    await commit(source, [filled(2)]);
    expect(await server.entries()).toEqual(numbered([filled(2)]));
  });

  it('whose scope is left without a commit is rolled back', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    const failing = async (): Promise<void> => {
      using operation = await source.startAtomicOp();
      operation.addEntry(1, Uint8Array.of(1));
      throw new Error('half-way');
    };
    await expect(failing()).rejects.toThrow('half-way');
    {
      await using operation = await source.startAtomicOp();
      operation.addEntry(1, Uint8Array.of(2));
      await operation.commit();
    }
    expect(await server.entries()).toEqual(numbered([filled(2)]));
  });

  it('without entries is committed and changes nothing', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    expect(await commit(source, [])).toEqual({ firstEntry: 0n, nextEntry: 0n });
    expect(await commit(source, [filled(1)])).toEqual({ firstEntry: 0n, nextEntry: 1n });
  });

  it('is copied: what is changed after it was added does not matter', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    const data = Uint8Array.of(1, 2, 3);
    const operation = await source.startAtomicOp();
    operation.addEntry(1, data);
    data.fill(9);
    await operation.commit();
    expect(await server.entries()).toEqual(numbered([{ type: 1, data: Uint8Array.of(1, 2, 3) }]));
  });

  it.each(['commit', 'rollback'] as const)('is over after %s', async (how) => {
    const source = await openSource([(await TestServer.start()).address]);
    const operation = await source.startAtomicOp();
    operation.addEntry(1, Uint8Array.of(1));
    await operation[how]();
    const ended = { code: 'operation-ended' };
    expect(() => {
      operation.addEntry(1, Uint8Array.of(2));
    }).toThrow(expect.objectContaining(ended) as Error);
    expect(() => operation.entryCount).toThrow(expect.objectContaining(ended) as Error);
    await expect(operation.commit()).rejects.toMatchObject(ended);
  });
});

describe('Several operations', () => {
  it('can be open at a time, and stand in the stream in the order of their commits', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    const [first, second, third] = await Promise.all([
      source.startAtomicOp(),
      source.startAtomicOp(),
      source.startAtomicOp(),
    ]);
    first.addEntry(1, Uint8Array.of(1));
    second.addEntry(1, Uint8Array.of(2));
    third.addEntry(1, Uint8Array.of(3));
    second.addEntry(1, Uint8Array.of(4));
    const commits = [second.commit(), first.commit()];
    third.rollback();
    expect(await Promise.all(commits)).toEqual([
      { firstEntry: 0n, nextEntry: 2n },
      { firstEntry: 2n, nextEntry: 3n },
    ]);
    expect(await server.entries()).toEqual(numbered([filled(2), filled(4), filled(1)]));
  });
});

describe('An entry', () => {
  it.each([
    ['of the bookmarks’ type', 0xb0, 1],
    ['with a type above a u32', 2 ** 32, 1],
    ['with a type that is no integer', 1.5, 1],
    ['larger than a page', 1, ENTRY_DATA_BYTES_MAX + 1],
  ])('%s is refused, and the operation stays as it was', async (_what, type, length) => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    const operation = await source.startAtomicOp();
    operation.addEntry(1, Uint8Array.of(1));
    expect(() => {
      operation.addEntry(type, new Uint8Array(length));
    }).toThrow(expect.objectContaining({ name: 'SourceError', code: 'bad-entry' }) as Error);
    expect(operation.entryCount).toBe(1);
    await operation.commit();
    expect(await server.entries()).toEqual(numbered([filled(1)]));
  });

  it('of text is refused: it would be so many zeros', async () => {
    const source = await openSource([(await TestServer.start()).address]);
    await commit(source, [filled(1)]);
    const operation = await source.startAtomicOp();
    const text = 'text' as unknown as Uint8Array;
    const refused = expect.objectContaining({ name: 'SourceError', code: 'bad-entry' }) as Error;
    expect(() => {
      operation.addEntry(1, text);
    }).toThrow(refused);
    expect(() => {
      operation.addBookmark(text);
    }).toThrow(refused);
    await expect(source.updateEntry(0n, 1, text)).rejects.toEqual(refused);
    expect(operation.entryCount).toBe(0);
  });

  it.each([0, 17])('that is a bookmark of %d bytes is refused', async (length) => {
    const source = await openSource([(await TestServer.start()).address]);
    const operation = await source.startAtomicOp();
    expect(() => {
      operation.addBookmark(new Uint8Array(length));
    }).toThrow(expect.objectContaining({ code: 'bad-entry' }) as Error);
  });

  it('as large as a page is sent', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    const largest = filled(7, ENTRY_DATA_BYTES_MAX);
    await commit(source, [largest, largest]);
    expect(await server.entries()).toEqual(numbered([largest, largest]));
  });
});

describe('An operation that is too large', () => {
  it('refuses what does not fit, and can be committed without it', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address], { operationBytesMax: 1_000 });
    const operation = await source.startAtomicOp();
    operation.addEntry(1, new Uint8Array(800));
    expect(() => {
      operation.addEntry(1, new Uint8Array(200));
    }).toThrow(expect.objectContaining({ code: 'too-large' }) as Error);
    operation.addEntry(1, new Uint8Array(20));
    expect(await operation.commit()).toEqual({ firstEntry: 0n, nextEntry: 2n });
    expect(server.totalEntries).toBe(2n);
  });
});

describe('A signal', () => {
  const stop = new Error('enough');

  it('ends the wait for room, and nothing else', async () => {
    const server = await TestServer.start();
    const way = await Proxy.start(() => server.port);
    const source = await openSource([way.address], { windowBytes: 10 });
    way.passes.down = false;
    const first = await send(source, [filled(1)]);
    const controller = new AbortController();
    const waiting = source.startAtomicOp({ signal: controller.signal });
    waiting.catch(() => undefined);
    await sleep(20);
    controller.abort(stop);
    await expect(waiting).rejects.toBe(stop);
    way.release();
    expect(await first.committed).toEqual({ firstEntry: 0n, nextEntry: 1n });
    expect(await commit(source, [filled(2)])).toEqual({ firstEntry: 1n, nextEntry: 2n });
  });

  it('can be that of any number of calls, without a warning', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    const warnings: Error[] = [];
    const warn = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warn);
    onTestFinished(() => void process.off('warning', warn));
    const { signal } = new AbortController();
    const commits: Promise<unknown>[] = [];
    for (let value = 0; value < 30; value++) {
      const operation = await source.startAtomicOp();
      operation.addEntry(1, Uint8Array.of(value));
      commits.push(operation.commit({ signal }));
    }
    await Promise.all(commits);
    expect(warnings).toEqual([]);
  });

  it('ends the wait for an acknowledgement; the operation is in the stream all the same', async () => {
    const server = await TestServer.start();
    const way = await Proxy.start(() => server.port);
    const source = await openSource([way.address]);
    way.passes.down = false;
    const operation = await source.startAtomicOp();
    operation.addEntry(1, Uint8Array.of(1));
    const controller = new AbortController();
    const committed = operation.commit({ signal: controller.signal });
    committed.catch(() => undefined);
    controller.abort(stop);
    await expect(committed).rejects.toBe(stop);
    way.release();
    await source.close();
    expect(await server.entries()).toEqual(numbered([filled(1)]));
  });

  it('that has fired already lets nothing begin: an operation is still open', async () => {
    const server = await TestServer.start();
    const source = await openSource([server.address]);
    await commit(source, [filled(1)]);
    const operation = await source.startAtomicOp();
    operation.addEntry(1, Uint8Array.of(2));
    const signal = AbortSignal.abort(stop);
    await expect(operation.commit({ signal })).rejects.toBe(stop);
    await expect(source.truncate(0n, { signal })).rejects.toBe(stop);
    await expect(source.updateEntry(0n, 1, Uint8Array.of(3), { signal })).rejects.toBe(stop);
    await expect(source.startAtomicOp({ signal })).rejects.toBe(stop);
    await expect(source.header({ signal })).rejects.toBe(stop);
    await expect(openSource([server.address], {}, { signal })).rejects.toBe(stop);
    expect(await operation.commit()).toEqual({ firstEntry: 1n, nextEntry: 2n });
    await source.close();
    expect(await server.entries()).toEqual(numbered([filled(1), filled(2)]));
  });

  it('ends the attempt to reach a server', async () => {
    const controller = new AbortController();
    const opening = openSource(['127.0.0.1:1'], {}, { signal: controller.signal });
    opening.catch(() => undefined);
    await sleep(20);
    controller.abort(stop);
    await expect(opening).rejects.toBe(stop);
  });
});
