// Goal: one writer at a time, and never again one that was superseded: by epoch, over restarts, and in races.
import { describe, expect, it } from 'vitest';
import { ResultCode, type Entry } from '@ds/codec';
import { StreamFile } from '@ds/stream-file';

import { Random, seed } from '@ds/test-kit';
import { goldenIdentity } from '../../codec/test/golden.js';
import { SourceGate, type Gated } from '../src/sources/source-gate.js';
import { commit, entry, header, openSource, startAny, TestSource, type Answer } from './support/source.js';
import { emptyStream, goldenStream, serve, temporaryPath } from './support/stream.js';

const data = Uint8Array.of(1, 2, 3);

describe('A source with an epoch', () => {
  it('lower than the highest one seen is refused', async () => {
    const server = await serve(await goldenStream());
    const high = await TestSource.open(server, 5n);
    high.peer.socket.destroy();
    const low = await TestSource.connect(server);
    low.send(openSource({ epoch: 4n }));
    const refusal = await low.lastAnswer();
    expect(refusal.code).toBe(ResultCode.epochFenced);
    expect(refusal.text).toContain('5');
  });

  it('that is the one connected is refused, and let in when the other is gone', async () => {
    const server = await serve(await goldenStream());
    const first = await TestSource.open(server, 5n);
    const second = await TestSource.connect(server);
    second.send(openSource({ epoch: 5n }));
    expect(await second.lastAnswer()).toMatchObject({ code: ResultCode.sourceConnected });
    first.send(startAny, entry(1, data), commit);
    expect(await first.answer()).toMatchObject({ code: 0, header: { totalEntries: 4n } });
    first.peer.socket.end();
    await first.peer.rest();
    await TestSource.open(server, 5n);
  });

  it('that is the one connected has the other one probed, and refused ones do not', async () => {
    await using file = await goldenStream();
    const gate = new SourceGate(file);
    const told: string[] = [];
    const source = (name: string): Gated => ({
      evict: () => told.push(`${name} evicted`),
      probe: () => told.push(`${name} probed`),
    });
    expect(await gate.admit(source('first'), 5n)).toBeUndefined();
    expect(await gate.admit(source('lower'), 4n)).toMatchObject({ code: ResultCode.epochFenced });
    expect(told).toEqual([]);
    expect(await gate.admit(source('same'), 5n)).toMatchObject({ code: ResultCode.sourceConnected });
    expect(told).toEqual(['first probed']);
    expect(await gate.admit(source('higher'), 6n)).toBeUndefined();
    expect(told).toEqual(['first probed', 'first evicted']);
  });

  it('that is higher takes over: the other is told, its open operation rolled back, its commits acknowledged', async () => {
    const file = await goldenStream();
    const server = await serve(file);
    const old = await TestSource.open(server, 5n);
    old.send(startAny, entry(1, data), commit, startAny, entry(2, data));
    expect(await old.answer()).toMatchObject({ code: 0, header: { totalEntries: 4n } });
    const next = await TestSource.connect(server);
    next.send(openSource({ epoch: 6n }));
    expect(await next.answer()).toMatchObject({ code: 0, header: { totalEntries: 4n } });
    const refusal = await old.lastAnswer();
    expect(refusal.code).toBe(ResultCode.epochFenced);
    expect(refusal.text).toContain('6');
    next.send({ kind: 'startAtomicOp', expectedEntry: 4n }, entry(3, data), commit);
    expect(await next.answer()).toMatchObject({ code: 0, header: { totalEntries: 5n } });
    expect(await file.getEntry(4n)).toMatchObject({ type: 3 });
  });

  it('is refused for good: neither its going nor its coming back helps', async () => {
    const server = await serve(await goldenStream());
    const old = await TestSource.open(server, 5n);
    const next = await TestSource.open(server, 6n);
    await old.lastAnswer();
    next.peer.socket.destroy();
    const again = await TestSource.connect(server);
    again.send(openSource({ epoch: 5n }));
    expect(await again.lastAnswer()).toMatchObject({ code: ResultCode.epochFenced });
  });

  it('is remembered over a restart', async () => {
    const path = await temporaryPath();
    const file = await StreamFile.open(path, { create: goldenIdentity });
    const server = await serve(file);
    await TestSource.open(server, 2n ** 64n - 2n);
    await server.close();
    await file.close();

    const reopened = await StreamFile.open(path);
    try {
      const restarted = await serve(reopened);
      const low = await TestSource.connect(restarted);
      low.send(openSource({ epoch: 2n ** 64n - 3n }));
      expect(await low.lastAnswer()).toMatchObject({ code: ResultCode.epochFenced });
      await TestSource.open(restarted, 2n ** 64n - 1n);
      await restarted.close();
    } finally {
      await reopened.close();
    }
  });
});

describe('Sources that come at once', () => {
  it('with the same epoch: one is let in, whichever', async () => {
    const server = await serve(await goldenStream());
    const sources = await Promise.all(Array.from({ length: 8 }, () => TestSource.connect(server)));
    for (const source of sources) source.send(openSource({ epoch: 3n }));
    const codes = (await Promise.all(sources.map((source) => source.answer()))).map(({ code }) => code);
    expect(codes.filter((code) => code === 0)).toHaveLength(1);
    expect(codes.filter((code) => code === ResultCode.sourceConnected)).toHaveLength(7);
  });

  it(`with many epochs: what is acknowledged is in the stream, and no epoch writes behind a higher one (seed ${seed})`, async () => {
    const random = new Random();
    const file = await emptyStream({ durability: 'always' });
    const server = await serve(file);
    const epochs = Array.from({ length: 12 }, (_none, at) => at + 1).sort(() => random.next() - 0.5);
    const run = async (epoch: number): Promise<Answer[]> => {
      const source = await TestSource.connect(server);
      source.send(openSource({ epoch: BigInt(epoch) }));
      const operation = [startAny, entry(epoch, data), entry(epoch, data), commit];
      for (let sent = 0; sent < 30; sent++) source.send(...operation);
      source.send(header);
      const answers: Answer[] = [];
      do answers.push(await source.answer());
      while (answers.at(-1)?.code === 0 && answers.length < 32);
      return answers;
    };
    const sources = epochs.map(async (epoch) => {
      await new Promise((resolve) => setTimeout(resolve, random.integer(0, 20)));
      return { epoch, answers: await run(epoch) };
    });
    const written: Entry[] = [];
    const outcomes = await Promise.all(sources);
    for (let number = 0n; number < file.header.totalEntries; number++)
      written.push((await file.getEntry(number))!);
    const types = written.map(({ type }) => type);
    expect(types).toEqual(types.toSorted((a, b) => a - b));
    for (const { epoch, answers } of outcomes) {
      const acknowledged = answers.slice(1, 31).filter(({ code }) => code === 0).length;
      const inStream = types.filter((type) => type === epoch).length;
      expect(inStream).toBe(2 * acknowledged);
      if (answers.at(-1)?.code !== 0) expect(answers.at(-1)?.code).toBe(ResultCode.epochFenced);
    }
    expect(outcomes.find(({ epoch }) => epoch === 12)?.answers).toHaveLength(32);
  });
});
