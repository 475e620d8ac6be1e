// With an outbox nothing that was handed to a source is lost, also when source and servers end together: what servers lack
// is sent from there, with the same numbers. It is never the other way round: a server that has something else is left out.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';
import { StreamFile, type StreamFileOptions } from '@ds/stream-file';

import { Random } from '@ds/test-kit';
import { temporaryFolder } from '../../codec/test/support/temporary-folder.js';
import type { Outbox, ServerState, StreamSource } from '../src/index.js';
import { commit, filled, numbered, openSource, operation, send, sleep, until } from './support/operations.js';
import { Proxy } from './support/proxy.js';
import { identity, TestServer } from './support/test-server.js';

/** A path for an outbox that goes with the test. */
async function outboxPath(): Promise<string> {
  return join(await temporaryFolder(), 'outbox.bin');
}

async function openOutbox(path: string, options: StreamFileOptions = {}): Promise<StreamFile> {
  const outbox = await StreamFile.open(path, { create: identity, durability: 'os', ...options });
  onTestFinished(() => outbox.close());
  return outbox;
}

/** An outbox whose commits resolve, or not, as `until` does. */
function heldBack(file: StreamFile, until: Promise<void>): Outbox {
  return Object.create(file, {
    header: { get: () => file.header },
    nextEntry: { get: () => file.nextEntry },
    congested: { get: () => file.congested },
    startAtomicOp: { value: file.startAtomicOp.bind(file) },
    addStreamMessages: { value: file.addStreamMessages.bind(file) },
    commitAtomicOp: { value: () => file.commitAtomicOp().then(() => until) },
    offsetOf: { value: file.offsetOf.bind(file) },
    operationAt: { value: file.operationAt.bind(file) },
    read: { value: file.read.bind(file) },
  }) as Outbox;
}

/** Numbers of the entries behind each operation's last one. */
function operationEnds(file: StreamFile): bigint[] {
  const ends: bigint[] = [];
  for (let at = file.operationAt(0n); at; at = file.operationAt(at.nextEntry)) ends.push(at.nextEntry);
  return ends;
}

/** Ends a source in the middle of everything, and its outbox. */
async function end(source: StreamSource, outbox: StreamFile): Promise<void> {
  await source.abort();
  await outbox.close();
}

describe('What is in the outbox', () => {
  it('and not on the server is sent when the source starts again', async () => {
    const server = await TestServer.start();
    const path = await outboxPath();
    const random = new Random();
    const operations = Array.from({ length: 40 }, (_, index) => operation(index, random));
    let outbox = await openOutbox(path);
    let source = await openSource([server.address], { outbox });
    for (const entries of operations.slice(0, 10)) await commit(source, entries);
    await server.stop();
    for (const entries of operations.slice(10, 30)) await send(source, entries);
    await until(() => outbox.header.totalEntries === BigInt(operations.slice(0, 30).flat().length));
    await end(source, outbox);
    await server.start();

    outbox = await openOutbox(path);
    source = await openSource([server.address], { outbox });
    expect(source.nextEntry).toBe(BigInt(operations.slice(0, 30).flat().length));
    for (const entries of operations.slice(30)) await commit(source, entries);
    expect(await server.entries()).toEqual(numbered(operations.flat()));
  });

  it('fills a server that joins empty, and one that was away for longer than memory reaches', async () => {
    const [first, second] = [await TestServer.start(), await TestServer.start()];
    const outbox = await openOutbox(await outboxPath());
    const before = await openSource([first.address], { outbox });
    const sent = Array.from({ length: 100 }, (_, value) => filled(value, 20_000));
    for (const entry of sent) await commit(before, [entry, entry]);
    await before.close();

    const states: ServerState[] = [];
    const source = await openSource([first.address, second.address], {
      outbox,
      quorum: 'any',
      keptBytesMax: 10_000,
      onServerState: (state) => states.push(state),
    });
    await until(() => second.totalEntries === 200n);
    await second.stop();
    for (const entry of sent) await commit(source, [entry, entry]);
    await second.start();
    await until(() => second.totalEntries === 400n);
    await source.close();
    const expected = numbered([...sent, ...sent].flatMap((entry) => [entry, entry]));
    expect(await second.entries()).toEqual(expected);
    expect(states.filter(({ kind }) => kind === 'left-out')).toEqual([]);
  });

  it('fills servers at the same time, also with operations that stand in several pages', async () => {
    const servers = [await TestServer.start(), await TestServer.start()];
    const outbox = await openOutbox(await outboxPath(), { pageBytes: 4096 });
    const before = await openSource([servers[0]!.address], { outbox, quorum: 0 });
    await servers[0]!.stop();
    const sent = Array.from({ length: 10 }, (_, value) => filled(value, 3_000));
    for (let count = 0; count < 3; count++) await commit(before, sent);
    await before.abort();
    await servers[0]!.start();

    const source = await openSource(
      servers.map(({ address }) => address),
      { outbox },
    );
    const expected = [...sent, ...sent, ...sent, filled(99)];
    expect(await commit(source, [filled(99)])).toEqual({ firstEntry: 30n, nextEntry: 31n });
    for (const server of servers) expect(await server.entries()).toEqual(numbered(expected));
  });

  it.each([
    ['operation by operation, where it has its journal', false],
    ['and splits none, where it has lost its journal', true],
  ])('goes to a server that joins %s', async (_how, isJournalLost) => {
    const random = new Random();
    const path = await outboxPath();
    const before = await openOutbox(path, { pageBytes: 4096 });
    // Some stand in a part of a page, some in several.
    for (let count = 0; count < 60; count++) {
      before.startAtomicOp();
      for (let entries = random.integer(1, 12); entries > 0; entries--)
        before.addStreamEntry(1, random.bytes(random.integer(0, 1_500)));
      await before.commitAtomicOp();
    }
    const ends = operationEnds(before);
    expect(ends).toHaveLength(60);
    await before.close();
    if (isJournalLost) await rm(`${path}.journal`);

    const outbox = await openOutbox(path, { pageBytes: 4096 });
    const server = await TestServer.start();
    const source = await openSource([server.address], { outbox });
    expect(await commit(source, [filled(1)])).toEqual({
      firstEntry: ends.at(-1),
      nextEntry: ends.at(-1)! + 1n,
    });
    const all = isJournalLost ? ends.slice(-1) : ends;
    expect(operationEnds(server.file)).toEqual([...all, ends.at(-1)! + 1n]);
  });

  it('is not sent in parts where it has lost its journal and is too large for one operation', async () => {
    const path = await outboxPath();
    const before = await openOutbox(path, { pageBytes: 4096 });
    before.startAtomicOp();
    for (let value = 0; value < 20; value++) before.addStreamEntry(1, new Uint8Array(1_000).fill(value));
    await before.commitAtomicOp();
    await before.close();
    await rm(`${path}.journal`);

    const outbox = await openOutbox(path, { pageBytes: 4096 });
    const server = await TestServer.start();
    const states: ServerState[] = [];
    await openSource([server.address], {
      outbox,
      operationBytesMax: 16_000,
      onServerState: (state) => states.push(state),
    });
    await until(() => states.some(({ kind }) => kind === 'left-out'));
    expect(states.at(-1)).toMatchObject({ server: server.address, error: { code: 'too-large' } });
    expect(server.totalEntries).toBe(0n);
  });

  it('fills a slow server that falls behind while it is connected', async () => {
    const [fast, slow] = [await TestServer.start(), await TestServer.start()];
    const way = await Proxy.start(() => slow.port);
    const outbox = await openOutbox(await outboxPath());
    const source = await openSource([fast.address, way.address], {
      outbox,
      quorum: 'any',
      keptBytesMax: 10_000,
    });
    way.bytesPerSecond = 4 << 20;
    const sent = Array.from({ length: 60 }, (_, value) => filled(value, 100_000));
    for (const entry of sent) await commit(source, [entry]);
    way.bytesPerSecond = Infinity;
    await until(() => slow.totalEntries === 60n);
    await source.close();
    expect(await slow.entries()).toEqual(numbered(sent));
  });

  it('is all that a source needs to start: servers come later', async () => {
    const server = await TestServer.start();
    await server.stop();
    const outbox = await openOutbox(await outboxPath());
    const source = await openSource([server.address], { outbox });
    const { committed } = await send(source, [filled(1)]);
    await server.start();
    expect(await committed).toEqual({ firstEntry: 0n, nextEntry: 1n });
  });

  it('can be all that a commit asks for', async () => {
    const server = await TestServer.start();
    await server.stop();
    const outbox = await openOutbox(await outboxPath());
    const source = await openSource([server.address], { outbox, quorum: 0 });
    expect(await commit(source, [filled(1)])).toEqual({ firstEntry: 0n, nextEntry: 1n });
    expect(outbox.header.totalEntries).toBe(1n);
    await server.start();
    await until(() => server.totalEntries === 1n);
  });
});

describe('A commit', () => {
  it('is sent only once it is durable in the outbox', async () => {
    const server = await TestServer.start();
    const file = await openOutbox(await outboxPath());
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const outbox = heldBack(file, held);
    const source = await openSource([server.address], { outbox });
    const { committed } = await send(source, [filled(1)]);
    await sleep(50);
    expect(server.totalEntries).toBe(0n);
    release();
    expect(await committed).toEqual({ firstEntry: 0n, nextEntry: 1n });
    expect(await server.entries()).toEqual(numbered([filled(1)]));
  });

  it('that the outbox cannot take ends the source, and nobody has it', async () => {
    const server = await TestServer.start();
    const file = await openOutbox(await outboxPath());
    const full = Promise.reject(new Error('no room'));
    full.catch(() => undefined);
    const source = await openSource([server.address], { outbox: heldBack(file, full) });
    const lost = { code: 'outbox', message: expect.stringContaining('no room') as string };
    await expect(commit(source, [filled(1)])).rejects.toMatchObject(lost);
    await expect(source.startAtomicOp()).rejects.toMatchObject(lost);
    expect(server.totalEntries).toBe(0n);
  });
});

describe('A truncation', () => {
  it('is done by all servers, then in the outbox, then what comes behind it goes on', async () => {
    const [up, down] = [await TestServer.start(), await TestServer.start()];
    const outbox = await openOutbox(await outboxPath());
    const source = await openSource([up.address, down.address], { outbox, quorum: 'any' });
    for (let value = 0; value < 4; value++) await commit(source, [filled(value)]);
    await until(() => down.totalEntries === 4n);
    await down.stop();
    const truncated = source.truncate(2n);
    const behind = await send(source, [filled(9)]);
    await until(() => up.totalEntries === 2n);
    await sleep(50);
    expect(outbox.header.totalEntries).toBe(4n);
    await down.start();
    await truncated;
    expect(await behind.committed).toEqual({ firstEntry: 2n, nextEntry: 3n });
    await source.close();
    const expected = numbered([filled(0), filled(1), filled(9)]);
    for (const server of [up, down]) expect(await server.entries()).toEqual(expected);
    expect(outbox.header.totalEntries).toBe(3n);
  });

  it('that a crash has cut short has not happened: servers get again what they had', async () => {
    const [up, down] = [await TestServer.start(), await TestServer.start()];
    const path = await outboxPath();
    let outbox = await openOutbox(path);
    let source = await openSource([up.address, down.address], { outbox });
    for (let value = 0; value < 4; value++) await commit(source, [filled(value)]);
    await down.stop();
    source.truncate(2n).catch(() => undefined);
    await until(() => up.totalEntries === 2n);
    await end(source, outbox);
    await down.start();
    outbox = await openOutbox(path);
    source = await openSource([up.address, down.address], { outbox });
    expect(await commit(source, [filled(9)])).toEqual({ firstEntry: 4n, nextEntry: 5n });
    const expected = numbered([filled(0), filled(1), filled(2), filled(3), filled(9)]);
    for (const server of [up, down]) expect(await server.entries()).toEqual(expected);
  });

  it('at the first entry of a page leaves the rest of the page before it, which makes it no other stream', async () => {
    const [up, down] = [await TestServer.start(), await TestServer.start()];
    const path = await outboxPath();
    const large = filled(1, 600 << 10);
    let outbox = await openOutbox(path);
    let source = await openSource([up.address, down.address], { outbox });
    for (let count = 0; count < 2; count++) await commit(source, [large]);
    await down.stop();
    source.truncate(1n).catch(() => undefined);
    await until(() => up.totalEntries === 1n);
    expect(up.file.header.totalLength).toBe(outbox.header.totalLength - BigInt(17 + (600 << 10)));
    await end(source, outbox);
    await down.start();
    outbox = await openOutbox(path);
    source = await openSource([up.address, down.address], { outbox });
    expect(await commit(source, [filled(9)])).toEqual({ firstEntry: 2n, nextEntry: 3n });
    for (const server of [up, down])
      expect(await server.entries()).toEqual(numbered([large, large, filled(9)]));
  });
});

describe('An update', () => {
  it('is done by the servers and in the outbox, between the operations before and behind it', async () => {
    const server = await TestServer.start();
    const outbox = await openOutbox(await outboxPath());
    const source = await openSource([server.address], { outbox });
    const first = await send(source, [filled(1), filled(2)]);
    const updated = source.updateEntry(1n, 1, Uint8Array.of(7));
    const behind = await send(source, [filled(3)]);
    await Promise.all([first.committed, updated, behind.committed]);
    expect(await server.entries()).toEqual(numbered([filled(1), filled(7), filled(3)]));
    expect((await outbox.getEntry(1n))?.data).toEqual(Uint8Array.of(7));
  });

  it('that servers refuse leaves the outbox as it was, and all goes on', async () => {
    const server = await TestServer.start();
    const outbox = await openOutbox(await outboxPath());
    const source = await openSource([server.address], { outbox });
    await commit(source, [filled(1)]);
    const updated = source.updateEntry(0n, 1, Uint8Array.of(7, 7));
    const behind = await send(source, [filled(3)]);
    await expect(updated).rejects.toMatchObject({ code: 'refused' });
    expect(await behind.committed).toEqual({ firstEntry: 1n, nextEntry: 2n });
    expect((await outbox.getEntry(0n))?.data).toEqual(Uint8Array.of(1));
  });
});

describe('A server whose stream is another', () => {
  it.each([
    ['has more entries than the outbox', [filled(1), filled(2), filled(3)], 'more than the 2 of the outbox'],
    ['has entries of other lengths', [filled(1), filled(2, 5)], 'take'],
  ])('is left out and not written to when it %s', async (_what, entries, reason) => {
    const server = await TestServer.start();
    await (await openSource([server.address])).close();
    const other = await openSource([server.address]);
    await commit(other, entries);
    await other.close();
    const file = await openOutbox(await outboxPath());
    file.startAtomicOp();
    for (const { type, data } of [filled(1), filled(2)]) file.addStreamEntry(type, data);
    await file.commitAtomicOp();
    const states: ServerState[] = [];
    await openSource([server.address], {
      outbox: file,
      quorum: 0,
      onServerState: (state) => states.push(state),
    });
    await until(() => states.length > 0);
    expect(states).toMatchObject([
      { kind: 'left-out', error: { code: 'differs', message: expect.stringContaining(reason) as string } },
    ]);
    expect(await server.entries()).toEqual(numbered(entries));
  });
});

describe('An outbox', () => {
  it('of another stream is refused', async () => {
    const outbox = await openOutbox(await outboxPath(), { create: { ...identity, systemId: 5n } });
    await expect(openSource(['127.0.0.1:1'], { outbox })).rejects.toMatchObject({ code: 'bad-option' });
  });

  it('that somebody else writes to ends the source', async () => {
    const server = await TestServer.start();
    const outbox = await openOutbox(await outboxPath());
    const source = await openSource([server.address], { outbox });
    outbox.startAtomicOp();
    outbox.addStreamEntry(1, Uint8Array.of(1));
    await outbox.commitAtomicOp();
    await expect(commit(source, [filled(2)])).rejects.toMatchObject({ code: 'outbox' });
  });
});
